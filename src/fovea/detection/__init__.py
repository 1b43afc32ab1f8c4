"""Object detection: pictures with boxes in, a trained and measured detector out."""
