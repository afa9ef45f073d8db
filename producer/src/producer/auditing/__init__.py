"""The audit: a bundle compared with the spec, the model and the data that it says it was made from."""
