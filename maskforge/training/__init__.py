"""What a training is asked for and what it leaves behind; nothing here needs Keras."""
