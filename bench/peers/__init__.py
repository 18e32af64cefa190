"""A small Django project of its own: the floors, and a plain DRF service that does fewer duties than ours."""
