"""Pictures with their masks, as training and evaluation need them."""
