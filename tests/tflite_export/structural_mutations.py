"""Valid flatbuffers that no converter would write: absurd shapes, indices, options, quantisation and buffers."""

import random

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

_SIZES = (0, 1, -1, 2, 7, 2**15, 46_341, 2**20, 2**31 - 1, -(2**31))
_INDICES = (-1, -2, 0, 1, 10_000, 2**31 - 1)


def mutate_structure(content: bytes, rng: random.Random) -> bytes:
    """One to three changes through the schema, of kinds drawn at random."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    for _ in range(rng.choice((1, 1, 2, 3))):
        rng.choice(_CHANGES)(model, rng)
    if rng.random() < 0.03:
        # Nothing else can be changed in a model without a graph.
        model.subgraphs = rng.choice(([], model.subgraphs * 2))
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _tensor(model, rng):
    return rng.choice(model.subgraphs[0].tensors)


def _operator(model, rng):
    return rng.choice(model.subgraphs[0].operators)


def _shape(model, rng):
    tensor = _tensor(model, rng)
    shape = [int(size) for size in (tensor.shape if tensor.shape is not None else ())]
    if shape and rng.random() < 0.7:
        shape[rng.randrange(len(shape))] = rng.choice((*_SIZES, shape[0] + 1))
    else:
        shape = [rng.choice(_SIZES) for _ in range(rng.randrange(6))]
    tensor.shape = shape


def _signature(model, rng):
    tensor = _tensor(model, rng)
    tensor.shapeSignature = [rng.choice(_SIZES) for _ in range(rng.randrange(5))]


def _type(model, rng):
    _tensor(model, rng).type = rng.randrange(20)


def _swapped_buffers(model, rng):
    first, second = _tensor(model, rng), _tensor(model, rng)
    first.buffer, second.buffer = second.buffer, first.buffer


def _other_buffer(model, rng):
    _tensor(model, rng).buffer = rng.choice((0, 1, len(model.buffers) - 1, len(model.buffers), 2**31))


def _short_buffer(model, rng):
    buffer = rng.choice(model.buffers)
    if buffer.data is not None:
        buffer.data = buffer.data[: rng.randrange(len(buffer.data) + 1)]


def _wires(model, rng):
    operator = _operator(model, rng)
    name = rng.choice(("inputs", "outputs"))
    wires = [int(index) for index in getattr(operator, name)]
    kind = rng.random()
    if kind < 0.6 and wires:
        wires[rng.randrange(len(wires))] = rng.choice((*_INDICES, rng.randrange(len(model.subgraphs[0].tensors))))
    elif kind < 0.8:
        wires = wires[: rng.randrange(len(wires) + 1)]
    else:
        wires = wires * rng.choice((2, 50))
    setattr(operator, name, wires)


def _ends(model, rng):
    graph = model.subgraphs[0]
    name = rng.choice(("inputs", "outputs"))
    chosen = rng.choice(([], [rng.choice(_INDICES)], [rng.randrange(len(graph.tensors))] * rng.choice((1, 2, 99))))
    setattr(graph, name, chosen)


def _order(model, rng):
    rng.shuffle(model.subgraphs[0].operators)


def _code(model, rng):
    code = rng.choice(model.operatorCodes)
    code.builtinCode = code.deprecatedBuiltinCode = rng.randrange(127)
    if rng.random() < 0.3:
        code.version = rng.choice((0, 2, 99))
        _operator(model, rng).opcodeIndex = rng.choice((0, len(model.operatorCodes), 2**31))


def _options(model, rng):
    operator = _operator(model, rng)
    options = {} if operator.builtinOptions is None else vars(operator.builtinOptions)
    fields = [name for name, value in options.items() if isinstance(value, int)]
    if not fields or rng.random() < 0.2:
        operator.builtinOptionsType, operator.builtinOptions = 0, None
        return
    value, field = rng.choice((0, 1, 3, 100, 127)), rng.choice(fields)
    # The schema packs no other number as a flag.
    setattr(operator.builtinOptions, field, type(options[field])(value))


def _quantization(model, rng):
    parameters = _tensor(model, rng).quantization
    if parameters is None:
        return
    kind = rng.randrange(4)
    if kind == 0:
        parameters.scale = [rng.choice((0.0, -1.0, 1e30, 1e-30, float("inf"), float("nan")))]
    elif kind == 1:
        parameters.scale, parameters.zeroPoint = [], []
    elif kind == 2:
        parameters.zeroPoint = [rng.choice((2**40, -(2**40), 129, -129))]
    else:
        parameters.quantizedDimension = rng.choice((-1, 3, 99, 2**31 - 1))


def _signatures(model, rng):
    for entry in (model.signatureDefs or [])[:1]:
        for tensor in entry.inputs or []:
            tensor.tensorIndex = rng.choice((0, 9_999, 2**32 - 1))


def _names(model, rng):
    _tensor(model, rng).name = rng.choice((b"", b"\xff\xfe[/red]\n\x1b[31m", b"x" * 70_000))


_CHANGES = (
    *(_shape, _shape, _shape, _signature, _type, _swapped_buffers, _other_buffer, _short_buffer, _wires, _wires, _ends),
    *(_order, _code, _options, _options, _quantization, _quantization, _signatures, _names),
)
