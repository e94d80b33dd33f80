#include "polyformer/support/system/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace polyformer {

namespace {

using Clock = std::chrono::steady_clock;
constexpr int kBarWidth = 28;

double seconds_between(Clock::time_point from, Clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
}

}  // namespace

Progress::Progress(std::string title, double total, bool silent)
    : title_(std::move(title)),
      total_(std::max(total, 1e-9)),
      silent_(silent),
      terminal_(isatty(STDERR_FILENO) == 1),
      start_(Clock::now()),
      last_drawn_(start_) {}

Progress::~Progress() {
    if (!silent_ && terminal_ && !finished_) fmt::print(stderr, "\n");
}

void Progress::update(double done, const std::string& note) {
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
        const int filled = static_cast<int>(std::lround(share * kBarWidth));
        fmt::print(stderr, "\r\033[K{} [{:#<{}}{:.<{}}] {:3.0f}%  {}  {}", title_, "", filled, "", kBarWidth - filled,
                   share * 100, left, note);
    } else {
        fmt::print(stderr, "{} {:3.0f}%  {} elapsed, {}  {}\n", title_, share * 100, format_duration(elapsed), left,
                   note);
    }
    std::fflush(stderr);
}

void Progress::finish(const std::string& note) {
    if (finished_ || silent_) return;
    finished_ = true;
    const double elapsed = seconds_between(start_, Clock::now());
    fmt::print(stderr, "{}{}: done in {}{}{}\n", terminal_ ? "\r\033[K" : "", title_, format_duration(elapsed),
               note.empty() ? "" : ", ", note);
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
