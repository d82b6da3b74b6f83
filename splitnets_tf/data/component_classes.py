"""Which files of KiCad's library make up the classes of `components`, and which of them are one family.

A family is a maker's series: objects that differ in numbers only (dimensions, pin counts, order codes). Pitch,
orientation and flange make series of their own for connectors and packages. The rules work on file names, so that
they can be read and checked; what they miss is caught by comparing the rendered views.
"""

from __future__ import annotations

import dataclasses
import re

__all__ = ["CLASSES", "ComponentClass", "classify"]

_DIMENSION = re.compile(
    r"""(?ix)^(?:
        \d+(?:\.\d+)?(?:x\d+(?:\.\d+)?)*(?:mm|y|xsec)?          # 4.4x6.5mm, 1x10, 2x03
      | (?:[lwdhozt]|px|py|ps|drill|rm|ep|mask|ball|pad|layout|lead|clearance
          |threaddepth|edgepinoffset|mountingholesoffset)
        \d+(?:\.\d+)?(?:x\d+(?:\.\d+)?)*\w*(?:mm)?              # L10.0mm, W7.62mm, EP2.1x2.1mm
      | \d+ep | \d+ep\w* | style\d+ | \d+metric | \d+pin | thermalvias | pullback | nsmd | handsoldering | longpads
      | anodeup | kathodeup | clear | irblack | irgrey           # the same part mounted, or coloured, differently
    )$"""
)
_PITCH = re.compile(r"^P(?:itch)?(\d+(?:\.\d+)?)(?:x(\d+(?:\.\d+)?))?(?:mm)?$")
_ORIENTATION = re.compile(r"Horizontal|Vertical|45-Degree|ReverseMount|Reverse|Tilted|Angled")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ComponentClass:
    """One class: a name, the files that belong to it, and how their families are told."""

    name: str
    """Class name, as users see it."""
    folders: str
    """Regular expression for the folder's name without its ending, matched in full."""
    include: str = ""
    """Regular expression that is found in the file's stem."""
    exclude: str | None = None
    """Regular expression that isn't found in the file's stem."""
    family: str | None = None
    """Regular expression whose groups, joined, name the family; None for the general rule."""
    keep_pitch: bool = False
    """Whether the pitch makes a series of its own."""
    keep_orientation: bool = False
    """With `family`: whether the orientation is added to its groups."""

    def holds(self, folder: str, stem: str) -> bool:
        """Whether the file `folder/stem` belongs to this class."""
        if not re.fullmatch(self.folders, folder) or not re.search(self.include, stem):
            return False
        return self.exclude is None or not re.search(self.exclude, stem)

    def family_of(self, stem: str) -> str:
        """The family's name, unique within the class."""
        match = re.search(self.family, stem) if self.family else None
        if match is None:
            return _series(stem, keep_pitch=self.keep_pitch)
        parts = [part for part in match.groups() if part]
        if self.keep_orientation:
            parts += _ORIENTATION.findall(stem)[:1]
        return "_".join(parts).lower()


def classify(folder: str, stem: str) -> tuple[str, str] | None:
    """The class and family of one file of the library.

    Args:
        folder: Folder without its ending `.3dshapes`.
        stem: File name without its ending.

    Returns:
        (class name, family name), or None where no class holds the file.
    """
    for row in CLASSES:
        if row.holds(folder, stem):
            return row.name, row.family_of(stem)
    return None


def _series(stem: str, *, keep_pitch: bool) -> str:
    """The stem without dimensions, counts and other numbers."""
    parts = []
    for token in stem.split("_"):
        pitch = _PITCH.match(token)
        if pitch:
            if keep_pitch:
                parts.append(f"P{float(pitch.group(1)):g}")
        elif not _DIMENSION.match(token):
            letters = re.sub(r"\d+(?:[.,]\d+)*", "", token)
            letters = re.sub(r"(?<![A-Za-z])x+(?![A-Za-z])", "", letters)
            parts.append(re.sub(r"-+", "-", re.sub(r"-\d*EP\b", "", letters)).strip("-,."))
    return "_".join(part for part in parts if part).lower()


_HEADER_FAMILY = r"(\dx)\d+_(P[\d.]+)mm"
_PHOENIX_FAMILY = r"PhoenixContact_([A-Z]+)_.*_(P[\d.]+)mm_(?:Horizontal|Vertical)(?:_(ThreadedFlange))?"
_RELAY_FAMILY = (
    r"(Omron_G\d[A-Z])|(Finder_\d\d)|(Panasonic_JW)|(Fujitsu_FTR-F)|(SANYOU_SRD)|(Schrack-[A-Z]+)"
    r"|(StandexMeder_[A-Z]+)|(AXICOM_IM)|(FRT|HJR|HsinDa)"
)
_DCDC_FAMILY = r"^Converter_DCDC_(XP_POWER|[A-Za-z]+)[-_](R|[A-Za-z]+?(?=x|\d|-|_))"
_CAN_OR_TAB_FAMILY = (
    r"^(TO)-(?:11|18|39|46|52|5|8)-\d(?:_(Window|Lens))?$|^(TO-(?:126|218|220F?|247|251|262|264|3PB?|3|92))"
)
_CAPACITOR_FAMILY = r"^(CP?_(?:Elec|Trimmer))(?:_([A-Z][a-z]+))?|^(CP_EIA).*_([A-Za-z]+)-|^(C)_\d"
_SMALL_OUTLINE = "SSOP|MSOP|TSOP|QSOP"

CLASSES: tuple[ComponentClass, ...] = (
    ComponentClass(name="bga", folders="Package_BGA", family=r"^((?:[A-Z][a-z]+_)*[A-Za-z]+).*_(P[\d.]+)mm"),
    ComponentClass(name="capacitor_smd", folders="Capacitor_SMD|Capacitor_Tantalum_SMD", family=_CAPACITOR_FAMILY),
    ComponentClass(name="crystal_tht", folders="Crystal", exclude="SMD"),
    ComponentClass(name="dcdc", folders="Converter_DCDC", family=_DCDC_FAMILY, keep_orientation=True),
    ComponentClass(name="dfn", folders="Package_DFN_QFN|Package_SON", include="DFN|SON", keep_pitch=True),
    ComponentClass(name="diode_tht", folders="Diode_THT", exclude="SMD"),
    ComponentClass(
        name="dip", folders="Package_DIP", family=r"^(DIP)-[\d-]+(?:N\d)?_(W[\d.]+)mm(?:_(SMDSocket|Socket))?"
    ),
    ComponentClass(
        name="display", folders="Display|Display_7Segment", family=r"^(EA)[-_](e?[A-Z]+)|(HDSM)|^([A-Za-z]+)"
    ),
    ComponentClass(name="dsub_female", folders="Connector_Dsub", include="Female"),
    ComponentClass(name="dsub_male", folders="Connector_Dsub", include="Male"),
    ComponentClass(name="inductor_axial", folders="Inductor_THT", include="^L_Axial"),
    ComponentClass(name="inductor_radial", folders="Inductor_THT", include="^L_Radial|^L_Common|^Choke"),
    ComponentClass(name="jst", folders="Connector_JST", family=r"^JST_([A-Z]+)", keep_orientation=True),
    ComponentClass(name="led_tht", folders="LED_THT"),
    ComponentClass(name="molex", folders="Connector_Molex|Connector_FFC-FPC", include="^Molex"),
    ComponentClass(name="mounting", folders="Mounting_Wuerth", family=r"(WA-[A-Z]+)", keep_orientation=True),
    ComponentClass(name="opto", folders="OptoDevice", family=r"^([A-Za-z]+_[A-Z]+)"),
    ComponentClass(name="phoenix_gmstb", folders="Connector_Phoenix_GMSTB", family=_PHOENIX_FAMILY),
    ComponentClass(name="phoenix_mc", folders="Connector_Phoenix_MC", family=_PHOENIX_FAMILY),
    ComponentClass(name="phoenix_mc_highvoltage", folders="Connector_Phoenix_MC_HighVoltage", family=_PHOENIX_FAMILY),
    ComponentClass(name="phoenix_mstb", folders="Connector_Phoenix_MSTB", family=_PHOENIX_FAMILY),
    ComponentClass(
        name="pinheader_horizontal", folders="Connector_PinHeader_.*", include="Horizontal", family=_HEADER_FAMILY
    ),
    ComponentClass(name="pinheader_smd", folders="Connector_PinHeader_.*", include="SMD", family=_HEADER_FAMILY),
    ComponentClass(
        name="pinheader_vertical", folders="Connector_PinHeader_.*", include="Vertical$", family=_HEADER_FAMILY
    ),
    ComponentClass(name="pinsocket_smd", folders="Connector_PinSocket_.*", include="SMD", family=_HEADER_FAMILY),
    ComponentClass(
        name="pinsocket_vertical", folders="Connector_PinSocket_.*", include="Vertical$", family=_HEADER_FAMILY
    ),
    ComponentClass(name="qfn", folders="Package_DFN_QFN", include="QFN|QFPN|MLF|MLP", keep_pitch=True),
    ComponentClass(name="qfp", folders="Package_QFP", keep_pitch=True),
    ComponentClass(name="relay", folders="Relay_THT|Relay_SMD", family=_RELAY_FAMILY, keep_orientation=True),
    ComponentClass(name="resistor_tht", folders="Resistor_THT"),
    ComponentClass(
        name="soic", folders="Package_SO", include="SO-|SOIC|SOP|SOJ|PowerSSO", exclude=_SMALL_OUTLINE, keep_pitch=True
    ),
    ComponentClass(name="switch_dip", folders="Button_Switch_SMD|Button_Switch_THT", include="^SW_DIP"),
    ComponentClass(name="to_tht", folders="Package_TO_SOT_THT", family=_CAN_OR_TAB_FAMILY, keep_orientation=True),
    ComponentClass(name="tssop", folders="Package_SO", include=_SMALL_OUTLINE, keep_pitch=True),
)
"""The classes; a file belongs to the first one that holds it."""
