#include "polyformer/train/study/study.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <list>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "polyformer/support/error.h"
#include "polyformer/support/json.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/support/system/progress.h"
#include "polyformer/train/data/prepare.h"
#include "polyformer/train/process/folder_lock.h"
#include "polyformer/train/process/interruption.h"
#include "polyformer/train/report/report.h"
#include "polyformer/train/study/interpreter_measure.h"
#include "polyformer/train/study/study_plan.h"
#include "polyformer/train/study/study_results.h"

namespace polyformer::train {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string last_line(const fs::path& file) {
    if (!fs::exists(file)) return "it left no message";
    std::string text = read_file(file);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text.substr(text.rfind('\n') + 1);
}

enum class Standing { waiting, running, complete, left_out };

// Keeps as many trainers busy as there may be.
class Scheduler {
  public:
    Scheduler(const StudyPlan& plan, const StudyOptions& options)
        : plan_(plan), options_(options), standing_(plan.stages.size(), Standing::waiting) {
        for (std::size_t i = 0; i < plan.stages.size(); ++i) {
            const StudyStage& stage = plan.stages[i];
            total_work_ += stage.work;
            if (!settled(stage.request, stage.folder)) continue;
            end(i, load_results(stage.folder).value("diverged", false) ? Standing::left_out : Standing::complete);
        }
    }

    // Returns whether everything was done that can be; `after_each` is called when a stage has ended.
    template <class AfterEach>
    bool run(const AfterEach& after_each) {
        const double done_before = done_work_;  // by earlier calls: says nothing about the time left
        Progress progress("study", total_work_ - done_before, options_.quiet);
        while (!interruption_requested() && (start_what_may() || !running_.empty())) {
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
            if (collect()) after_each();
            progress.update(done_work_ - done_before,
                            fmt::format("{} of {} stages, {} running", ended_, plan_.stages.size(), running_.size()));
        }
        for (Running& trainer : running_) trainer.process.interrupt();
        while (!running_.empty()) {
            collect();
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
        }
        after_each();
        const bool whole = std::none_of(standing_.begin(), standing_.end(),
                                        [](Standing standing) { return standing == Standing::waiting; });
        progress.finish(whole ? std::string() : "interrupted: the same command goes on from here");
        require_no_failures();
        return whole;
    }

  private:
    struct Running {
        std::size_t stage;
        TrainerProcess process;
    };

    std::size_t index_of(const fs::path& folder) const {
        const auto found = std::find_if(plan_.stages.begin(), plan_.stages.end(),
                                        [&](const StudyStage& stage) { return stage.folder == folder; });
        return static_cast<std::size_t>(found - plan_.stages.begin());
    }

    // Starts stages whose parents are complete, and leaves out those that have lost theirs. Returns whether any
    // started.
    bool start_what_may() {
        bool started = false;
        for (std::size_t i = 0; i < plan_.stages.size() && running_.size() < options_.jobs; ++i) {
            const StudyStage& stage = plan_.stages[i];
            if (standing_[i] != Standing::waiting) continue;
            if (!stage.request.parent.empty()) {
                const Standing parent = standing_[index_of(stage.request.parent)];
                if (parent == Standing::left_out) end(i, Standing::left_out);
                if (parent != Standing::complete) continue;
            }
            make_directory(stage.folder);
            save_request(stage.request, stage.folder);
            fs::remove(stage.folder / failure_file);
            TrainerOptions trainer = options_.trainer;
            trainer.quiet = true;
            trainer.threads = threads_of(trainer, options_.jobs);
            running_.push_back({i, TrainerProcess(trainer, stage.folder, stage.folder / "messages.txt")});
            standing_[i] = Standing::running;
            started = true;
        }
        return started;
    }

    bool collect() {
        bool any = false;
        for (auto trainer = running_.begin(); trainer != running_.end();) {
            const std::optional<TrainerOutcome> outcome = trainer->process.poll();
            if (!outcome) {
                ++trainer;
                continue;
            }
            any = true;
            const std::size_t stage = trainer->stage;
            switch (*outcome) {
                case TrainerOutcome::complete:
                    end(stage, Standing::complete);
                    break;
                case TrainerOutcome::diverged:
                    end(stage, Standing::left_out);
                    break;
                case TrainerOutcome::interrupted:
                    standing_[stage] = Standing::waiting;
                    break;
                case TrainerOutcome::failed:
                    note_failure(*trainer);
                    break;
            }
            trainer = running_.erase(trainer);
        }
        return any;
    }

    void note_failure(const Running& trainer) {
        const fs::path& folder = plan_.stages[trainer.stage].folder;
        std::string message = last_line(folder / "messages.txt");
        try {
            trainer.process.throw_failure(message);
        } catch (const IoError&) {
            system_refused_ = true;
        } catch (const std::exception& error) {
            message = error.what();
        }
        write_file(folder / failure_file, message);
        failures_.push_back(fmt::format("\n  {}: {}", folder.string(), message));
        end(trainer.stage, Standing::left_out);
    }

    void require_no_failures() const {
        if (failures_.empty()) return;
        const std::string message = fmt::format("{} of {} stages failed; the same command tries them again:{}",
                                                failures_.size(), plan_.stages.size(), fmt::join(failures_, ""));
        if (system_refused_) fail<IoError>("{}", message);
        fail("{}", message);
    }

    void end(std::size_t stage, Standing standing) {
        standing_[stage] = standing;
        done_work_ += plan_.stages[stage].work;
        ++ended_;
    }

    const StudyPlan& plan_;
    const StudyOptions& options_;
    std::vector<Standing> standing_;
    std::list<Running> running_;  // processes do not move
    std::vector<std::string> failures_;
    bool system_refused_ = false;  // one of them at least
    double total_work_ = 0;
    double done_work_ = 0;
    std::size_t ended_ = 0;
};

void prepare_data(const StudyConfig& study, const StudyOptions& options) {
    std::set<fs::path> prepared;
    for (const Variant& variant : study.variants) {
        const fs::path folder = prepared_folder(options.work, variant.config);
        if (prepared.insert(folder).second) prepare(variant.config, options.data, folder, options.quiet);
    }
}

}  // namespace

bool run_study(const StudyOptions& options) {
    const StudyConfig study = load_study(options.config);
    require_trainer(options.trainer);
    make_directory(options.out);
    const InterruptionGuard interruption;
    try {
        const FolderLock lock(options.work);
        prepare_data(study, options);
        const StudyPlan plan = plan_study(study, options.work, options.trainer.precision);
        const auto write_report = [&] {
            const Json results = collect_results(study, plan, options);
            write_file(options.out / "study.json", to_text(results) + "\n");
            write_file(options.out / "report.html", render_report(results));
        };
        if (!Scheduler(plan, options).run(write_report)) return false;
        for (const StudyStage& stage : plan.stages) {
            if (!stage.interpreter || !load_results(stage.folder).value("complete", false)) continue;
            measure_by_interpreter(stage, options.data, options.quiet);
            write_report();
        }
        return true;
    } catch (const Interrupted& interrupted) {
        if (!options.quiet) to_stderr("{}\n", interrupted.what());
        return false;
    }
}

}  // namespace polyformer::train
