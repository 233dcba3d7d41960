//! PURE: (desired, catalog, history, policy) → Plan of Actions, each with its statements and hazards.
