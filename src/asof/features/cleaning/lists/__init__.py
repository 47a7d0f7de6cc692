"""The standard lists that come with Asof, each with the spellings of its values.

Kept in the package, so that a list changes only with a version of Asof, and no other package is needed
to read them. Names and alpha-3 codes of countries, and names of currencies, are those of Unicode
CLDR as Babel 2.18 has them (Unicode License V3); the codes are those of ISO 3166-1 and ISO 4217. Other
spellings in use, such as "Holland" or "Czech Republic", were added by hand.
"""
