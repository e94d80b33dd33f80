// What an error says, for tests that look for its parts.
#pragma once

#include <string>

#include "polyformer/support/error.h"

namespace polyformer {

/// The message of the `E` that `action` throws; "no error" when it throws nothing. Other exceptions pass.
template <class E = Error, class Action>
std::string message_of(const Action& action) {
    try {
        action();
    } catch (const E& error) {
        return error.what();
    }
    return "no error";
}

}  // namespace polyformer
