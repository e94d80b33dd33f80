// Options and their values: numbers within ranges, and messages that say what to type instead.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <limits>
#include <string>

namespace polyformer::cli {

/// Accepts whole numbers from `least` to `most` in decimal digits; the error and the help name both.
CLI::Validator whole_number(std::uint64_t least, std::uint64_t most);

/// "--threads", for commands that compute: 0 means all cores.
void add_threads_option(CLI::App& command);

/// "--insecure-ring-dimension", for commands that choose parameters: a power of two; 0, which it is at first, for
/// secure ones.
void add_insecure_ring_option(CLI::App& command, std::size_t& dimension);

/// "--quiet", for commands that take long.
void add_quiet_option(CLI::App& command, bool& quiet);

/// "--json FILE", for commands that have results.
void add_json_option(CLI::App& command, std::string& path);

/// Makes each `option` take one value, so that an argument behind it is not its second value.
CLI::Option& one_value_at_a_time(CLI::Option& option);

/// Parses, and runs the callback of the command that was named. Returns the exit code; throws Error, with the closest
/// thing that there is, for commands and options that there are not.
int parse(CLI::App& program, int argc, char** argv);

}  // namespace polyformer::cli
