"""On which sets, and with which certainty, a head is constant.

Two models can be certified, and a certificate must name its own:

- the base head C (`base`, built on `linear`, `mlp`, `tube`): deterministic, no failure probability;
- the smoothed head, which answers what C answers most often under Gaussian noise (`randomized`, `sequential`): sampled,
  with a failure probability per individual.

For two classes and a linear head both answer alike. A proof about one model says nothing about the other, so a
certificate of one view takes one method for all of its individuals, and its predictions and accuracy are those of the
same model.
"""
