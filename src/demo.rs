//! The throwaway server, the sample schema and data.
