// A progress bar with the time left, for anything that takes more than a few seconds.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

namespace polyformer {

/// Gets what a bar would show: its title, the share done in [0, 1], and what is being done now.
using ProgressObserver = std::function<void(const std::string& title, double share, const std::string& note)>;

/// While one exists, bars that its thread makes report to the observer and draw nothing.
class ObservedProgress {
  public:
    explicit ObservedProgress(ProgressObserver observer);
    ~ObservedProgress();
    ObservedProgress(const ObservedProgress&) = delete;
    ObservedProgress& operator=(const ObservedProgress&) = delete;
    ObservedProgress(ObservedProgress&&) = delete;
    ObservedProgress& operator=(ObservedProgress&&) = delete;

  private:
    ProgressObserver observer_;
    const ProgressObserver* outer_;
};

/// Draws on standard error: a bar redrawn in place on a terminal, cut to its width, a line every ten seconds otherwise.
/// What standard error does not take is lost. Not for use from several threads at once.
class Progress {
  public:
    /// `total` in any unit of work; a silent bar draws nothing.
    Progress(std::string title, double total, bool silent = false);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    Progress(Progress&&) = delete;
    Progress& operator=(Progress&&) = delete;

    /// Sets the work done so far; `note` says what is being done now.
    void update(double done, const std::string& note = {});
    /// Draws the final state with the time taken.
    void finish(const std::string& note = {});

  private:
    void draw(double done, const std::string& note);

    std::string title_;
    double total_;
    const ProgressObserver* observer_;
    bool silent_;
    bool terminal_;
    bool finished_ = false;
    std::chrono::steady_clock::time_point start_;
    std::chrono::steady_clock::time_point last_drawn_;
};

/// The beginning of a line of UTF-8 that takes no more than `columns` of a terminal, characters that would move the
/// cursor shown as '?'.
std::string cut_to_columns(const std::string& line, std::size_t columns);
/// "1:05:09", "4:07" or "8.2 s".
std::string format_duration(double seconds);
/// "1.5 GiB", "12 KiB".
std::string format_bytes(double bytes);

}  // namespace polyformer
