"""The tallies of a certificate's rows, for the page, from rows wherever they come from."""

from consumer.tally import tallies_for


def count_rows(document, parts):
    """Those of these rows."""
    tallies = tallies_for(document)
    for rows in parts:
        tallies[rows.view].add(rows)
    return tallies
