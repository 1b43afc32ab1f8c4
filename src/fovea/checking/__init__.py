"""What every layer must pass: gradients against differences, both engines, poisoned memory, odd strides."""
