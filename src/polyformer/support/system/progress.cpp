#include "polyformer/support/system/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/text.h"

namespace polyformer {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kBarWidth = 28;
constexpr std::size_t kBesideBar = 60;  ///< columns that title, time and note should have

thread_local const ProgressObserver* observer_of_thread = nullptr;

double seconds_between(Clock::time_point from, Clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
}

/// Of the terminal, which may be resized while a bar is drawn.
std::size_t terminal_columns() {
    winsize size{};
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
    return size.ws_col;
}

}  // namespace

ObservedProgress::ObservedProgress(ProgressObserver observer)
    : observer_(std::move(observer)), outer_(observer_of_thread) {
    observer_of_thread = &observer_;
}

ObservedProgress::~ObservedProgress() {
    observer_of_thread = outer_;
}

Progress::Progress(std::string title, double total, bool silent)
    : title_(std::move(title)),
      total_(std::max(total, 1e-9)),
      observer_(silent ? nullptr : observer_of_thread),
      silent_(silent || observer_ != nullptr),
      terminal_(isatty(STDERR_FILENO) == 1),
      start_(Clock::now()),
      last_drawn_(start_) {}

Progress::~Progress() {
    if (!silent_ && terminal_ && !finished_) to_stderr("\n");
}

void Progress::update(double done, const std::string& note) {
    if (observer_ != nullptr) (*observer_)(title_, std::clamp(done / total_, 0.0, 1.0), note);
    const auto now = Clock::now();
    const double interval = terminal_ ? 0.2 : 10.0;
    if (silent_ || seconds_between(last_drawn_, now) < interval) return;
    last_drawn_ = now;
    draw(done, note);
}

void Progress::draw(double done, const std::string& note) {
    const double share = std::clamp(done / total_, 0.0, 1.0);
    const double elapsed = seconds_between(start_, Clock::now());
    const std::string left = share > 0.01 ? format_duration(elapsed * (1 - share) / share) + " left" : "";
    if (terminal_) {
        const std::size_t columns = terminal_columns();
        const std::size_t width = std::clamp<std::size_t>(columns, kBesideBar, kBesideBar + kBarWidth) - kBesideBar;
        const auto filled = static_cast<std::size_t>(std::lround(share * static_cast<double>(width)));
        const std::string line = fmt::format("{} [{:#<{}}{:.<{}}] {:3.0f}%  {}  {}", title_, "", filled, "",
                                             width - filled, share * 100, left, note);
        // A line that reaches the last column would go on in the next one, where no carriage return takes it back.
        write_to_stderr("\r\033[K" + cut_to_columns(printable(line), columns - 1));
    } else {
        to_stderr("{} {:3.0f}%  {} elapsed, {}  {}\n", title_, share * 100, format_duration(elapsed), left, note);
    }
}

void Progress::finish(const std::string& note) {
    if (observer_ != nullptr) (*observer_)(title_, 1, note);
    if (finished_ || silent_) return;
    finished_ = true;
    const double elapsed = seconds_between(start_, Clock::now());
    if (terminal_) write_to_stderr("\r\033[K");
    to_stderr("{}: done in {}{}{}\n", title_, format_duration(elapsed), note.empty() ? "" : ", ", note);
}

std::string cut_to_columns(const std::string& line, std::size_t columns) {
    const auto is_continuation = [](unsigned char byte) { return (byte & 0xC0) == 0x80; };
    std::string cut;
    std::size_t used = 0;
    for (std::size_t begin = 0, end = 0; begin < line.size(); begin = end) {
        end = begin + 1;
        while (end < line.size() && is_continuation(static_cast<unsigned char>(line[end]))) ++end;
        const auto lead = static_cast<unsigned char>(line[begin]);
        // From U+1000 on (three bytes, the first above E0) a character may be a wide one, as all Chinese ones are.
        const std::size_t width = lead > 0xE0 ? 2 : 1;
        if (used + width > columns) break;
        used += width;
        if (lead < 0x20 || lead == 0x7F) {
            cut += '?';
        } else {
            cut.append(line, begin, end - begin);
        }
    }
    return cut;
}

std::string format_duration(double seconds) {
    if (seconds < 60) return fmt::format("{:.1f} s", seconds);
    const auto whole = static_cast<long>(seconds);
    if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
    return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string format_bytes(double bytes) {
    constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB"};
    std::size_t unit = 0;
    while (bytes >= 1024 && unit + 1 < units.size()) {
        bytes /= 1024;
        ++unit;
    }
    return fmt::format("{:.{}f} {}", bytes, bytes < 10 && unit > 0 ? 1 : 0, units[unit]);
}

}  // namespace polyformer
