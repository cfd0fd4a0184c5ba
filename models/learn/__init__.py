"""The machines that learn: text to vectors, heads, calibration, what to ask, and how good it honestly is.

Nothing here knows a database or a network: arrays in, arrays out. Only `encoders` and `bundle` touch files.
"""
