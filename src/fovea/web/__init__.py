"""The page that `fovea look` serves; no logic: it asks `fovea.apps.look`, and the browser draws."""
