"""`fovea learn-filter`: filters learned by gradient descent from pictures and their filtered versions."""
