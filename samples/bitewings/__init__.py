"""Synthetic bitewing radiographs whose anatomy and lesions are known exactly."""
