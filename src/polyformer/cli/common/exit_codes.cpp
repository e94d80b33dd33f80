#include "polyformer/cli/common/exit_codes.h"

#include <exception>
#include <string>
#include <system_error>

#include "polyformer/support/error.h"
#include "polyformer/support/foreign_error.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/process/temporary_files.h"

namespace polyformer::cli {

namespace {

int report(const std::string& message, ExitCode code) {
    to_stderr("error: {}\n", message);
    return static_cast<int>(code);
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
    } catch (const std::system_error& error) {  // those of std::filesystem, too
        return report(describe_foreign(error), ExitCode::io_error);
    } catch (const std::exception& error) {
        return report(describe_foreign(error), ExitCode::internal_error);
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
