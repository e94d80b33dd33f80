// Polyformer's exceptions as those of Python, with the same texts.
#pragma once

namespace polyformer::python {

/// From now on this module's functions raise polyformer.Error, FormatError and IoError, and KeyboardInterrupt for what
/// was cancelled.
void register_exceptions();

/// The class polyformer.NAME as what is being raised.
void raise_as(const char* name, const char* text);

}  // namespace polyformer::python
