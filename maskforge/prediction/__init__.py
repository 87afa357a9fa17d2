"""Running a trained model on pictures of any size."""
