"""report.html: the certificate as a page for people, made from its document and its rows and nothing else.

The page repeats what the files beside it say. It is one file without scripts or external resources, and the same
certificate always gives the same bytes.
"""
