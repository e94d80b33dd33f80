#include "polyformer/cli/common/exit_codes.h"

#include <fmt/format.h>

#include <exception>
#include <filesystem>
#include <new>
#include <string>
#include <system_error>

#include "polyformer/support/error.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/process/temporary_files.h"

namespace polyformer::cli {

namespace {

int report(const std::string& message, ExitCode code) {
    to_stderr("error: {}\n", message);
    return static_cast<int>(code);
}

/// What the standard library says of a file in its own words, in ours.
std::string describe(const std::filesystem::filesystem_error& error) {
    if (error.path1().empty()) return error.code().message();
    const std::string second = error.path2().empty() ? "" : fmt::format(" and '{}'", error.path2().string());
    return fmt::format("cannot use '{}'{}: {}", error.path1().string(), second, error.code().message());
}

int code_of(const std::function<int()>& body) {
    try {
        return body();
    } catch (const FormatError& error) {
        return report(error.what(), ExitCode::damaged_file);
    } catch (const IoError& error) {
        return report(error.what(), ExitCode::io_error);
    } catch (const Error& error) {
        return report(error.what(), ExitCode::bad_input);
    } catch (const std::filesystem::filesystem_error& error) {
        return report(describe(error), ExitCode::io_error);
    } catch (const std::system_error& error) {
        return report(fmt::format("the system refused: {}", error.code().message()), ExitCode::io_error);
    } catch (const std::bad_alloc&) {
        return report("not enough memory; `polyformer plan` says how much a run takes", ExitCode::internal_error);
    } catch (const std::exception& error) {
        return report(fmt::format("a fault in Polyformer, please report it with what led here: {}", error.what()),
                      ExitCode::internal_error);
    }
}

}  // namespace

int guarded(const std::function<int()>& body) {
    prepare_standard_streams();
    remove_temporary_files_on_signals();
    const int code = code_of(body);
    try {
        finish_standard_output();
    } catch (const IoError& error) {
        if (code == static_cast<int>(ExitCode::success)) return report(error.what(), ExitCode::io_error);
    }
    return code;
}

}  // namespace polyformer::cli
