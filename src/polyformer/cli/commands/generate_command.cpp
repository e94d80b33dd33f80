// `polyformer generate`: a language model goes on with a text, asked again with one more token each time.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "polyformer/cli/answers/comparison.h"
#include "polyformer/cli/commands/commands.h"
#include "polyformer/cli/common/client_part.h"
#include "polyformer/cli/common/encrypted_run.h"
#include "polyformer/cli/common/output.h"
#include "polyformer/cli/common/plan_report.h"
#include "polyformer/cli/generation/generation_file.h"
#include "polyformer/cli/generation/next_token.h"
#include "polyformer/compile/compile.h"
#include "polyformer/model/graph/fingerprint.h"
#include "polyformer/model/graph/graph_files.h"
#include "polyformer/model/graph/limits.h"
#include "polyformer/support/error.h"
#include "polyformer/support/extremes.h"
#include "polyformer/support/folders/folder_kind.h"
#include "polyformer/support/process/memory_limit.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/support/system/command_files.h"
#include "polyformer/support/system/process.h"
#include "polyformer/support/system/progress.h"
#include "polyformer/support/text.h"

namespace polyformer::cli {

namespace {

struct GenerateOptions {
    std::string model;
    TextSource text;
    std::size_t tokens = 20;
    Sampling sampling;
    bool clear = false;
    std::size_t insecure_ring_dimension = 0;
    std::string out;
    std::string resume;
    std::string json;
    bool quiet = false;

    /// Where an interrupted generation is kept; empty: nowhere.
    std::string state() const { return !resume.empty() ? resume : out.empty() ? "" : out + ".part"; }
};

/// Why a generation has ended.
enum class Stop { tokens, end_of_text, context, invalid };

const char* name_of(Stop stop) {
    switch (stop) {
        case Stop::tokens:
            return "tokens";
        case Stop::end_of_text:
            return "end_of_text";
        case Stop::context:
            return "context";
        case Stop::invalid:
            break;
    }
    return "invalid";
}

/// The text's tokens, without what a tokenizer puts at its end.
std::vector<std::int32_t> prompt_of(const Query& query) {
    require(query.tokens.size() == 1, "{} texts were given: one at a time is gone on with", query.tokens.size());
    const model::EncodedText& text = query.tokens.front();
    return {text.ids.begin(), text.ids.end() - static_cast<std::ptrdiff_t>(text.after)};
}

/// A generation under way.
class Generator {
  public:
    Generator(const GenerateOptions& options, const model::Graph& graph, const ClientPart& client)
        : options_(options),
          graph_(graph),
          client_(client),
          embedding_(client.embedding_for({graph.context, graph.width, graph.vocabulary})) {
        const Query query =
            client.read({.text = options.text, .images = {}}, {graph.context, graph.width, graph.vocabulary});
        print_note(query);
        generation_ = {.model = model::fingerprint(graph),
                       .encrypted = !options.clear,
                       .sampling = options.sampling,
                       .prompt = prompt_of(query),
                       .tokens = {}};
        std::error_code missing;
        if (options.state().empty() || !std::filesystem::exists(options.state(), missing)) return;
        generation_ = load_generation(options.state(), generation_, graph.vocabulary);
        to_stderr("note: goes on after the {} token(s) in '{}'\n", generation_.tokens.size(), options.state());
    }

    Stop run() {
        std::optional<Stop> stop;
        while (!(stop = reason_to_stop())) {
            if (!options_.clear && !session_) start();
            if (!add_token()) return Stop::invalid;
        }
        return *stop;
    }

    const Generation& generation() const { return generation_; }
    const Outcome& outcome() const { return outcome_; }
    const Validity& validity() const { return validity_; }
    double max_error() const { return max_error_; }
    std::string word(std::int32_t id) const { return client_.name_of(static_cast<std::size_t>(id)); }
    std::string whole_text() const { return client_.decode(generation_.ids()); }
    /// What was added to the text.
    std::string added_text() const {
        const std::string whole = whole_text();
        const std::string prompt = client_.decode(generation_.prompt);
        if (whole.starts_with(prompt)) return whole.substr(prompt.size());
        std::vector<std::int32_t> ids = generation_.ids();
        ids.erase(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(generation_.prompt.size()));
        return client_.decode(ids);
    }

  private:
    std::optional<Stop> reason_to_stop() const {
        const std::vector<GeneratedToken>& tokens = generation_.tokens;
        if (!tokens.empty() && client_.ends_text(tokens.back().id)) return Stop::end_of_text;
        if (tokens.size() >= options_.tokens) return Stop::tokens;
        if (tokens.size() >= most_tokens()) return Stop::context;
        return std::nullopt;
    }

    /// Those asked for, or as many as the context has room for.
    std::size_t most_tokens() const {
        return std::min(options_.tokens, graph_.context + 1 - generation_.prompt.size());
    }

    /// Plan and keys, made once.
    void start() {
        const PlanChoice choice{
            .positions = "last", .insecure_ring_dimension = options_.insecure_ring_dimension, .images = "1"};
        plan_ = std::make_unique<const compile::Plan>(compile::compile(graph_, measured_plan_options(choice, graph_)));
        if (options_.json != "-") to_stdout("{}\n", describe(*plan_));
        require_memory(plan_->summary.key_bytes_memory + plan_->summary.working_bytes, "this plan");
        session_.emplace(*plan_, outcome_, options_.quiet);
    }

    /// Logits of the next token from ciphertext.
    std::vector<double> ask(const model::Tensor& input) {
        Progress computing(fmt::format("token {} of {}", generation_.tokens.size() + 1, most_tokens()), 1,
                           options_.quiet);
        session_->ask(std::span(&input, 1),
                      [&](double share, const std::string& step) { computing.update(share, step); });
        computing.finish();
        return std::exchange(outcome_.logits, {});
    }

    /// Whether there is a sound answer.
    bool add_token() {
        const Stopwatch watch;
        const model::Tensor input = embedding_.embed(generation_.ids());
        const std::vector<ClearAnswer> clear{{model::evaluate(graph_, input), {}}};
        const std::span<const double> expected =
            std::span(clear.front().polynomial.logits.values).last(graph_.vocabulary);
        const std::vector<double> logits =
            options_.clear ? std::vector<double>(expected.begin(), expected.end()) : ask(input);
        const Agreement agreement = compare(logits, clear);
        max_error_ = larger(max_error_, agreement.max_error);
        const std::size_t step = generation_.tokens.size();
        const bool finite = all_finite(logits) && all_finite(expected);
        const service::Probable next =
            finite ? next_token(logits, generation_.sampling, step) : service::Probable{0, std::nan("")};
        const bool same = finite && next.entry == next_token(expected, generation_.sampling, step).entry;
        validity_ = validity_of(agreement, clear, same, graph_.nodes.back().bound);
        for (const std::string& refusal : outcome_.refusals) to_stderr("warning: {}\n", refusal);
        warn(validity_);
        if (!validity_.valid) return false;
        generation_.tokens.push_back({static_cast<std::int32_t>(next.entry), next.probability, same});
        if (!options_.state().empty()) save_generation(generation_, options_.state());
        seconds_ += watch.seconds();
        ++asked_;
        tell();
        return true;
    }

    void tell() const {
        if (options_.json == "-") return;
        const GeneratedToken& token = generation_.tokens.back();
        const std::size_t left = reason_to_stop() ? 0 : most_tokens() - generation_.tokens.size();
        const std::string differs = token.as_in_clear ? "" : "; the polynomial model in the clear gives another";
        const std::string time =
            left == 0
                ? ""
                : fmt::format("; {} more take {}", left,
                              format_duration(seconds_ / static_cast<double>(asked_) * static_cast<double>(left)));
        to_stdout("{}{}{}\n", to_cell({static_cast<std::size_t>(token.id), word(token.id), token.probability}), differs,
                  time);
    }

    const GenerateOptions& options_;
    const model::Graph& graph_;
    const ClientPart& client_;
    model::Embedding embedding_;
    Generation generation_;
    std::unique_ptr<const compile::Plan> plan_;
    Outcome outcome_;
    std::optional<EncryptedSession> session_;
    Validity validity_;
    double max_error_ = 0;
    double seconds_ = 0;
    std::size_t asked_ = 0;
};

std::string explain(Stop stop, const Generator& generator, const model::Graph& graph) {
    switch (stop) {
        case Stop::end_of_text:
            return fmt::format("the model ends the text with {}\n",
                               generator.word(generator.generation().tokens.back().id));
        case Stop::context:
            return fmt::format("the model's context of {} tokens is full\n", graph.context);
        default:
            return "";
    }
}

nlohmann::json document_of(const GenerateOptions& options, const Generator& generator, Stop stop) {
    const Outcome& outcome = generator.outcome();
    auto tokens = nlohmann::json::array();
    for (const GeneratedToken& token : generator.generation().tokens) {
        tokens.push_back({{"id", token.id},
                          {"word", generator.word(token.id)},
                          {"probability", token.probability},
                          {"as_in_clear", token.as_in_clear}});
    }
    nlohmann::json document{{"backend", options.clear ? "interpreter" : "ckks"},
                            {"text", generator.whole_text()},
                            {"generated", generator.added_text()},
                            {"prompt_tokens", generator.generation().prompt.size()},
                            {"tokens", tokens},
                            {"stopped", name_of(stop)},
                            {"max_abs_logit_error", finite_or_null(generator.max_error())},
                            {"seconds",
                             {{"keygen", outcome.keygen_seconds},
                              {"encrypt", outcome.encrypt_seconds},
                              {"infer", outcome.infer_seconds},
                              {"decrypt", outcome.decrypt_seconds}}},
                            {"requests", outcome.requests},
                            {"peak_rss_bytes", peak_resident_bytes()}};
    add_to(document, generator.validity());
    return document;
}

void generate(const GenerateOptions& options) {
    require_folder(options.model, FolderKind::model);
    require(options.out != "-", "--out names a file: the text is shown as it is");
    require(options.sampling.temperature > 0 || options.sampling.top_k == 0,
            "--top-k {} says what is drawn from, but the most likely token is taken: give a --temperature too",
            options.sampling.top_k);
    CommandFiles()
        .reads("model", options.model)
        .reads("--text-file", options.text.path())
        .writes("--out", options.out, FileAccess::owner_only)
        .writes("--resume", options.state(), FileAccess::owner_only)
        .writes("--json", options.json)
        .check();
    const model::Graph graph = model::load_graph(options.model);
    const ClientPart client(options.model);
    require(!client.takes_images() && client.output() == model::TextOutput::next_token,
            "'{}' gives {}, but only a model that predicts the next token can go on with a text", options.model,
            client.takes_images() ? "classes of images" : model::name_of(client.output()));
    Generator generator(options, graph, client);
    const Stop stop = generator.run();
    if (options.json != "-") {
        to_stdout("{}\n{}\n", explain(stop, generator, graph), printable(generator.whole_text(), Newlines::kept));
    }
    write_json(document_of(options, generator, stop), options.json);
    require_valid(generator.validity());
    if (!options.out.empty()) write_file(options.out, generator.whole_text() + "\n", FileAccess::owner_only);
    std::error_code ignored;
    if (!options.state().empty()) std::filesystem::remove(options.state(), ignored);
}

}  // namespace

void add_generate(CLI::App& program) {
    auto options = std::make_shared<GenerateOptions>();
    auto* command = program.add_subcommand(
        "generate", "Let a language model go on with a text: all roles in one process, one request a token");
    command->footer(
        "Examples:\n"
        "  polyformer generate models/wikitext-small --text \"The film was\" --tokens 3\n"
        "  polyformer generate models/wikitext-small --text \"The film was\" --tokens 40 --clear   # in the clear\n"
        "  polyformer generate models/wikitext-small --text \"The film was\" --tokens 10 --temperature 0.8 --top-k 40 "
        "--out story.txt\n\n"
        "Keys are made once; each token takes as long as a 'run'. Interrupted with --out or --resume, the same command "
        "goes on\nwhere it was.");
    command->add_option("model", options->model, "The folder of a model that predicts the next token")->required();
    add_text_options(*command, options->text);
    command->add_option("--tokens", options->tokens, "How many tokens to add at most")
        ->check(whole_number(1, model::kMaxContext))
        ->capture_default_str();
    command
        ->add_option("--temperature", options->sampling.temperature,
                     "Draw the next token by softmax(logits / T); 0: take the most likely one")
        ->check(CLI::Range(0.0, 100.0))
        ->capture_default_str();
    command->add_option("--top-k", options->sampling.top_k, "Draw from so many of the most likely tokens; 0: from all")
        ->check(whole_number(0, model::kMaxFeatures))
        ->capture_default_str();
    command->add_option("--seed", options->sampling.seed, "Of what is drawn: the same gives the same")
        ->check(whole_number(0, std::numeric_limits<std::uint64_t>::max()))
        ->capture_default_str();
    command->add_flag("--clear", options->clear, "By the polynomial model in the clear, without any encryption");
    command->add_option("--out", options->out,
                        "Write the whole text to this file (mode 0600); what there is of it is kept in FILE.part "
                        "until it is whole");
    command->add_option("--resume", options->resume,
                        "Keep what there is in this file instead (mode 0600), go on with it if it is there, and remove "
                        "it at the end");
    add_insecure_ring_option(*command, options->insecure_ring_dimension);
    add_threads_option(*command);
    add_quiet_option(*command, options->quiet);
    add_json_option(*command, options->json);
    command->callback([options] { generate(*options); });
}

}  // namespace polyformer::cli
