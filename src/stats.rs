//! PURE: samples → summary, confidence intervals, verdict against a budget.
