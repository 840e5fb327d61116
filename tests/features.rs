//! Features by modality: those of real records equal the answers of NeuroKit2 and SciPy; planted physiology
//! is found, and none where none is; frames keep to their trial; bad signals are said.

mod frames;
mod planted;
mod program;
mod references;
