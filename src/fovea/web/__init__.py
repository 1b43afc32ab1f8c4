"""The page of `fovea look`: `fovea.apps.look` computes the answers, and the browser draws them."""
