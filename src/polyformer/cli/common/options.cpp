#include "polyformer/cli/common/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <numeric>
#include <optional>
#include <sstream>
#include <string_view>
#include <vector>

#include "polyformer/cli/common/exit_codes.h"
#include "polyformer/support/error.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::cli {

namespace {

constexpr std::size_t kMostThreads = 1024;
constexpr std::size_t kLeastRing = 1024;  ///< as in ckks/scheme/parameters.cpp
constexpr std::size_t kMostRing = 131072;

/// All of `text` as a whole number; nothing for a sign, a point, an exponent, or more than fits.
std::optional<std::uint64_t> parse_whole_number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

/// Letters to insert, delete or replace that lead from one to the other (Levenshtein).
std::size_t edits_between(std::string_view from, std::string_view to) {
    std::vector<std::size_t> row(to.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < from.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < to.size(); ++j) {
            const std::size_t replaced = diagonal + (from[i] == to[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, replaced});
        }
    }
    return row.back();
}

/// ": did you mean 'X'?" where one of `names` looks like what was typed.
std::string closest(std::string_view typed, const std::vector<std::string>& names) {
    std::string_view best;
    std::size_t fewest = std::max<std::size_t>(typed.size() / 3, 1) + 1;
    for (const std::string& name : names) {
        // The beginning of a longer name is a good guess, whatever its length.
        const std::size_t edits = typed.size() > 2 && name.starts_with(typed) ? 1 : edits_between(typed, name);
        if (edits < fewest) {
            fewest = edits;
            best = name;
        }
    }
    return best.empty() ? "" : fmt::format(": did you mean '{}'?", best);
}

/// "polyformer bench layer".
std::string full_name(const CLI::App& program, const std::vector<const CLI::App*>& commands) {
    std::string name = program.get_name();
    for (const CLI::App* command : commands) name += " " + command->get_name();
    return name;
}

/// Follows the commands that are named. Throws Error where one is needed and there is none, or none of that name.
std::vector<const CLI::App*> find_commands(const CLI::App& program, int argc, char** argv) {
    std::vector<const CLI::App*> found;
    const CLI::App* at = &program;
    for (int i = 1; at->get_require_subcommand_min() > 0; ++i) {
        const std::string_view word = i < argc ? argv[i] : "";
        if (word.starts_with('-')) break;
        std::vector<std::string> names;
        const CLI::App* next = nullptr;
        for (const CLI::App* command : at->get_subcommands([](const CLI::App*) { return true; })) {
            names.push_back(command->get_name());
            if (names.back() == word) next = command;
        }
        const std::string place = full_name(program, found);
        require(!word.empty(), "{} needs a command: {} ('{} COMMAND --help' says what each does)", place,
                fmt::join(names, ", "), place);
        require(next != nullptr, "'{} {}' is no command{} There are {}", place, word,
                closest(word, names).empty() ? "." : closest(word, names), fmt::join(names, ", "));
        found.push_back(next);
        at = next;
    }
    return found;
}

/// Why the arguments do not fit, in words of what was typed.
[[noreturn]] void refuse(const CLI::ParseError& error, const CLI::App& program, const CLI::App& command,
                         const std::string& name) {
    const std::string help = fmt::format("'{} --help' shows all options, with examples", name);
    std::vector<std::string> options;
    for (const CLI::Option* option : command.get_options()) {
        for (const std::string& long_name : option->get_lnames()) options.push_back("--" + long_name);
    }
    const std::vector<std::string> extras = program.remaining(true);
    const auto unknown = std::find_if(extras.begin(), extras.end(),
                                      [](const std::string& extra) { return extra.size() > 1 && extra[0] == '-'; });
    if (unknown != extras.end()) {
        const std::string typed = unknown->substr(0, unknown->find('='));
        const std::string guess = closest(typed, options);
        fail("{} has no option '{}'{} {}", name, typed, guess.empty() ? ";" : guess, help);
    }
    if (!extras.empty() && dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
        fail("{} has no use for '{}'; {}", name, extras.front(), help);
    }
    if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
        std::string missing;
        for (const CLI::Option* option : command.get_options()) {
            if (!option->get_required() || option->count() > 0) continue;
            const std::string what = option->get_description();
            missing += fmt::format(
                "{}{} ({})", missing.empty() ? "" : " and ",
                option->get_positional() ? "the argument '" + option->get_name() + "'" : option->get_name(), what);
        }
        if (!missing.empty()) fail("{} needs {}; {}", name, missing, help);
    }
    const std::string message = error.what();
    if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {  // "--json: 1 required TEXT missing"
        fail("{} needs a value; {}", message.substr(0, message.find(':')), help);
    }
    fail("{}; {}", message, help);
}

}  // namespace

CLI::Validator whole_number(std::uint64_t least, std::uint64_t most) {
    const std::string range = most == std::numeric_limits<std::uint64_t>::max() ? fmt::format("from {}", least)
                                                                                : fmt::format("{} to {}", least, most);
    return {[=](std::string& text) -> std::string {
                const auto value = parse_whole_number(text);
                if (value && *value >= least && *value <= most) return {};
                return fmt::format("'{}' is not a whole number {}{}", text, range.starts_with("from") ? "" : "from ",
                                   range);
            },
            range};
}

void add_threads_option(CLI::App& command) {
    command
        .add_option_function<std::size_t>(
            "--threads",
            [](std::size_t count) {
                if (count > 0) set_thread_count(count);
            },
            "Threads; 0: all cores")
        ->check(whole_number(0, kMostThreads))
        ->trigger_on_parse();
}

void add_insecure_ring_option(CLI::App& command, std::size_t& dimension) {
    const CLI::Validator power_of_two(
        [](std::string& text) -> std::string {
            const auto value = parse_whole_number(text);
            if (value && std::has_single_bit(*value) && *value >= kLeastRing && *value <= kMostRing) return {};
            return fmt::format("'{}' is not a power of two from {} to {}", text, kLeastRing, kMostRing);
        },
        "power of two");
    command
        .add_option("--insecure-ring-dimension", dimension, "For tests: a small ring, quick and WITHOUT ANY SECURITY")
        ->check(power_of_two);
}

void add_quiet_option(CLI::App& command, bool& quiet) {
    command.add_flag("--quiet", quiet, "No progress bars");
}

void add_json_option(CLI::App& command, std::string& path) {
    command.add_option("--json", path, "Also write the results as JSON to this file ('-': standard output)");
}

CLI::Option& one_value_at_a_time(CLI::Option& option) {
    return *option.allow_extra_args(false);
}

int parse(CLI::App& program, int argc, char** argv) {
    const std::vector<const CLI::App*> commands = find_commands(program, argc, argv);
    try {
        program.parse(argc, argv);
    } catch (const CLI::RuntimeError& error) {
        return error.get_exit_code();
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() != 0) {
            refuse(error, program, commands.empty() ? program : *commands.back(), full_name(program, commands));
        }
        std::ostringstream out;
        program.exit(error, out, out);  // --help, --version
        write_to_stdout(out.str());
    }
    return static_cast<int>(ExitCode::success);
}

}  // namespace polyformer::cli
