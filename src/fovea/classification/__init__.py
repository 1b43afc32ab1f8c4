"""Image classification: a folder of pictures in, a trained and measured classifier out."""
