"""The checks that every layer must pass: gradients against differences, both engines, poisoned memory,
strides."""
