"""The gate: from evidence to rules, from rules to one joint verdict. Pure: no file, no network, no clock, no model."""
