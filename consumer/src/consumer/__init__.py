"""The data consumer: trains a classifier and proves, person by person, that similar individuals are treated alike."""
