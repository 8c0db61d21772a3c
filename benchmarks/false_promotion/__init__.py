"""How often a rule promotes a student that is not good enough: gatekeeper's gate beside the rules that others use."""
