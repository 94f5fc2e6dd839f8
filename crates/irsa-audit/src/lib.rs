//! The parts of irsa-audit's binary that other programs of the workspace measure.

pub mod trust;
