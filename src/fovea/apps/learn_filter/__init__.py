"""`fovea learn-filter`: a filter found by gradient descent, from pictures and their filtered versions."""
