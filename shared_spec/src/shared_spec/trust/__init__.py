"""Who issued an artefact: signatures between organisations, the keys that a party accepts, and committed seeds.

Without a trust file nothing here is asked, and an artefact says of itself whatever it says. docs/trust.md tells two
organisations what to do, docs/format.md gives the format byte by byte.
"""
