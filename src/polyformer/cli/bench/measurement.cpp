#include "polyformer/cli/bench/measurement.h"

#include <fmt/format.h>

#include <algorithm>
#include <barrier>
#include <thread>

#include "polyformer/support/system/process.h"

namespace polyformer::cli {

namespace {

bool is_enough(const Repetition& repetition, std::size_t runs, double seconds) {
    return runs >= std::max<std::size_t>(repetition.runs, 1) && seconds >= repetition.seconds;
}

}  // namespace

Timing summarise(std::vector<double> seconds) {
    std::ranges::sort(seconds);
    return {seconds[seconds.size() / 2], seconds.front(), seconds.back(), seconds.size(), 0};
}

double measure_once(const std::function<void()>& work) {
    const Stopwatch watch;
    work();
    return watch.seconds();
}

Timing measure(const std::function<void()>& work, Repetition repetition) {
    work();
    std::vector<double> seconds;
    double total = 0;
    const double processor_before = processor_seconds();
    while (!is_enough(repetition, seconds.size(), total)) {
        seconds.push_back(measure_once(work));
        total += seconds.back();
    }
    Timing timing = summarise(std::move(seconds));
    timing.processor = (processor_seconds() - processor_before) / static_cast<double>(timing.runs);
    return timing;
}

Timing measure_on_threads(std::size_t threads, const std::function<std::function<void()>()>& make_work,
                          Repetition repetition) {
    if (threads <= 1) return measure(make_work(), repetition);
    std::vector<std::function<void()>> works(threads);
    for (auto& work : works) work = make_work();
    std::barrier step(static_cast<std::ptrdiff_t>(threads));
    std::vector<double> seconds;
    bool done = false;  // written by the first thread before a barrier, read by all behind it
    const auto loop = [&](std::size_t thread) {
        works[thread]();
        double total = 0;
        for (step.arrive_and_wait(); !done; step.arrive_and_wait()) {
            const Stopwatch watch;
            works[thread]();
            step.arrive_and_wait();
            if (thread != 0) continue;
            seconds.push_back(watch.seconds());
            total += seconds.back();
            done = is_enough(repetition, seconds.size(), total);
        }
    };
    {
        std::vector<std::jthread> others;
        for (std::size_t thread = 1; thread < threads; ++thread) others.emplace_back(loop, thread);
        loop(0);
    }
    return summarise(std::move(seconds));
}

nlohmann::json to_json(const Timing& timing) {
    nlohmann::json object{
        {"seconds", timing.median}, {"fastest", timing.fastest}, {"slowest", timing.slowest}, {"runs", timing.runs}};
    if (timing.processor > 0) object["processor_seconds"] = timing.processor;
    return object;
}

std::string format_milliseconds(double seconds) {
    const double milliseconds = seconds * 1e3;
    return fmt::format("{:.{}f}", milliseconds, milliseconds < 1 ? 4 : milliseconds < 10 ? 2 : 1);
}

}  // namespace polyformer::cli
