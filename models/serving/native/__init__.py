"""A few loops in C for the decoder family, compiled at the first start where there is a compiler."""
