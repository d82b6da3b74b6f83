"""Single-view supernet: construction, sandwich training, calibration, and networks taken out of it."""
