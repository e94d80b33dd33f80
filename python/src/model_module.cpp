// polyformer._model: the model owner's role and work in the clear: models, import, the interpreter, plans. It knows no
// secret either.
#include <nanobind/nanobind.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/function.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "graph_binding.h"
#include "inputs.h"
#include "long_call.h"
#include "module.h"
#include "polyformer/calibration/cost_files.h"
#include "polyformer/compile/compile.h"
#include "polyformer/compile/plan_choice.h"
#include "polyformer/compile/reports/plan_report.h"
#include "polyformer/importing/import.h"
#include "polyformer/model/graph/graph_files.h"
#include "polyformer/model/images/image_model.h"
#include "polyformer/model/interpreter/interval_report.h"
#include "polyformer/queries/deployment.h"
#include "polyformer/support/folders/folder_kind.h"
#include "polyformer/support/folders/folder_writer.h"
#include "polyformer/support/folders/manifest.h"
#include "polyformer/support/json.h"
#include "polyformer/support/system/progress.h"
#include "polyformer/support/version.h"
#include "polyformer/tasks/maps/search_index.h"
#include "polyformer/tasks/maps/text_head.h"
#include "polyformer/tasks/text_answers.h"
#include "polyformer/tasks/text_model.h"

namespace polyformer::python {

namespace {

using GraphPointer = std::shared_ptr<const model::Graph>;

queries::ModelShape shape_of(const model::Graph& graph) {
    return {graph.context, graph.width, graph.vocabulary};
}

/// A model's folder: what the server computes and what the client needs for it.
struct Model {
    explicit Model(const std::filesystem::path& where)
        : folder(where),
          graph(std::make_shared<const model::Graph>(load_graph_of(where))),
          inputs(where, shape_of(*graph)) {}

    static model::Graph load_graph_of(const std::filesystem::path& folder) {
        require_folder(folder, FolderKind::model);
        return model::takes_images(folder) ? model::load_image_model(folder).graph : model::load_graph(folder);
    }

    std::filesystem::path folder;
    GraphPointer graph;
    Inputs inputs;
};

/// The logits of each, how many inputs left a polynomial's interval, and that in words.
nb::tuple answer(const Model& model, const std::vector<Rows<double>>& arrays, bool exact, const nb::object& progress) {
    std::vector<std::size_t> sizes;
    for (const Rows<double>& array : arrays) sizes.push_back(array.shape(0));
    tasks::TextAnswers answers = long_call(progress, [&] {
        Progress computing(exact ? "exact functions" : "polynomial model", 1);
        return tasks::answer_inputs(
            *model.graph, sizes, [&](std::size_t i) { return to_tensor(arrays[i]); },
            exact ? model::Functions::exact : model::Functions::polynomials,
            [&](double share) { computing.update(share); });
    });
    nb::list logits;
    for (model::Tensor& tensor : answers.logits) logits.append(to_numpy(std::move(tensor)));
    const std::string outside = answers.texts_outside == 0
                                    ? ""
                                    : model::describe_outside(model::outside_share(answers.intervals),
                                                              model::farthest_outside(answers.intervals));
    return nb::make_tuple(logits, answers.texts_outside, outside);
}

/// Copies a model's files into another folder, which appears whole.
void save_model(const Model& model, const std::filesystem::path& out) {
    FolderWriter folder(out);
    for (const auto& entry : std::filesystem::directory_iterator(model.folder)) {
        if (!entry.is_regular_file() || entry.path().filename() == kManifestFile) continue;
        std::filesystem::copy_file(entry.path(), folder.path() / entry.path().filename());
    }
    folder.commit();
}

/// A folder of a graph of one's own, with an embedding or without.
void save_graph(const model::Graph& graph, const std::filesystem::path& out, const std::optional<Rows<float>>& tokens,
                const std::optional<Rows<float>>& positions) {
    FolderWriter folder(out);
    model::save_graph(graph, folder.path());
    if (tokens) {
        model::Embedding embedding{.tokens = to_matrix(*tokens), .positions = {}};
        if (positions) embedding.positions = to_matrix(*positions);
        model::save_embedding(embedding, folder.path());
    }
    folder.commit();
}

/// A plan and the model that it is of.
struct Plan {
    compile::Plan plan;
    std::vector<compile::KeyPoint> key_points;
    GraphPointer graph;
    std::filesystem::path model;

    void save(const std::filesystem::path& out) const {
        queries::PlanFolders folders(out);
        folders.write(plan, *graph, model);
    }
};

Plan make_plan(const Model& model, const std::string& positions, const std::string& inputs, const std::string& keys,
               const std::string& costs, std::size_t insecure_ring, const nb::object& progress) {
    return long_call(progress, [&] {
        compile::PlanChoice choice{positions, insecure_ring, inputs, keys};
        if (model.inputs.part.output() == model::TextOutput::tokens) choice.positions = "all";
        compile::PlanOptions options = compile::plan_options(choice, *model.graph);
        std::optional<Progress> measuring;
        options.costs = calibration::choose_costs(costs, {.progress = [&](double share) {
                                                      if (!measuring) measuring.emplace("measuring this machine", 1);
                                                      measuring->update(share);
                                                      if (share >= 1) measuring.reset();
                                                  }});
        Plan made{compile::compile(*model.graph, options), {}, model.graph, model.folder};
        made.key_points = compile::key_points(made.plan);
        return made;
    });
}

/// All numbers, as `polyformer plan --json` has them.
std::string report_of(const Plan& plan) {
    return polyformer::to_text(to_json(plan.plan, plan.key_points), 1);
}

/// The report as JSON, notes and warnings.
nb::tuple import_checkpoint(const std::filesystem::path& checkpoint, const std::filesystem::path& out,
                            const std::vector<std::filesystem::path>& calibrate, std::size_t context, std::size_t texts,
                            double loss, double escape, double margin, std::string prefix, const nb::object& progress) {
    std::vector<std::string> notes;
    importing::ImportOptions options;
    options.checkpoint = checkpoint;
    options.out = out;
    options.calibrate = {calibrate.begin(), calibrate.end()};
    options.context = context;
    options.texts = texts;
    options.loss = loss;
    options.substitution.escape = escape;
    options.substitution.margin = margin;
    options.prefix = std::move(prefix);
    options.note = [&](const std::string& note) { notes.push_back(note); };
    options.warning = options.note;
    const importing::Imported imported = long_call(progress, [&] { return importing::import_checkpoint(options); });
    if (!imported.shortfall.empty()) notes.push_back(imported.shortfall);
    return nb::make_tuple(to_text(imported.report, 1), notes);
}

/// Puts documents, titles and texts, behind the encoder in `folder`; `reader`, or the encoder, reads them.
void make_index(const std::filesystem::path& folder, const std::optional<std::filesystem::path>& reader,
                std::size_t reader_tokens, const std::vector<std::pair<std::string, std::string>>& documents,
                const std::filesystem::path& out, const nb::object& progress) {
    long_call(progress, [&] {
        require_replaceable(out);
        const tasks::TextModel encoder = tasks::load_text_model(folder);
        std::optional<tasks::TextModel> other;
        if (reader) other = tasks::load_model_or_checkpoint(*reader, reader_tokens);
        std::vector<tasks::Document> all;
        for (const auto& [title, text] : documents) all.push_back({.id = "", .title = title, .text = text});
        Progress reading("reading documents", 1);
        tasks::SearchIndex index =
            tasks::make_index(encoder, other ? *other : encoder, all, [&](double share) { reading.update(share); });
        tasks::save_index(out, folder, std::move(index), encoder.input);
    });
}

/// Puts a classifier, fitted to the texts and their labels, behind the encoder in `folder`: how many of them it was
/// fitted to, its loss and accuracy on them, and warnings.
nb::tuple fit_head(const std::filesystem::path& folder, std::vector<std::string> texts, std::vector<std::string> labels,
                   double penalty, const std::filesystem::path& out, const nb::object& progress) {
    const tasks::LabelledTexts data{std::move(texts), std::move(labels)};
    const tasks::TextHead head = long_call(progress, [&] {
        require_replaceable(out);
        tasks::TextHead made = tasks::fit_text_head(tasks::load_text_model(folder), data, {.penalty = penalty});
        tasks::save_text_head(out, folder, made);
        return made;
    });
    return nb::make_tuple(head.texts, head.loss, head.accuracy, head.texts_outside, head.texts_lost);
}

}  // namespace

}  // namespace polyformer::python

NB_MODULE(_model, module) {
    using namespace polyformer::python;
    begin_module(module);
    bind_inputs(module);
    bind_graph(module);
    nb::class_<Model>(module, "Model")
        .def_prop_ro("graph",
                     [](const Model& model) { return std::const_pointer_cast<polyformer::model::Graph>(model.graph); })
        .def_prop_ro(
            "inputs", [](const Model& model) -> const Inputs& { return model.inputs; },
            nb::rv_policy::reference_internal);
    nb::class_<Plan>(module, "Plan")
        .def("report", report_of)
        .def("describe", [](const Plan& plan) { return describe(plan.plan, plan.key_points); })
        .def("save", &Plan::save, nb::arg("folder"));
    module.def(
        "load",
        [](const std::filesystem::path& folder) {
            return long_call(nb::none(), [&] { return std::make_unique<Model>(folder); });
        },
        nb::arg("folder"));
    module.def("answer", answer, nb::arg("model"), nb::arg("inputs"), nb::arg("exact"), nb::arg("progress").none());
    module.def("save_model", save_model, nb::arg("model"), nb::arg("folder"));
    module.def("save_graph", save_graph, nb::arg("graph"), nb::arg("folder"), nb::arg("tokens").none(),
               nb::arg("positions").none());
    module.def("make_plan", make_plan, nb::arg("model"), nb::arg("positions"), nb::arg("inputs"), nb::arg("keys"),
               nb::arg("costs"), nb::arg("insecure_ring"), nb::arg("progress").none());
    module.def("import_checkpoint", import_checkpoint, nb::arg("checkpoint"), nb::arg("out"), nb::arg("calibrate"),
               nb::arg("context"), nb::arg("texts"), nb::arg("loss"), nb::arg("escape"), nb::arg("margin"),
               nb::arg("prefix"), nb::arg("progress").none());
    module.def("make_index", make_index, nb::arg("folder"), nb::arg("reader").none(), nb::arg("reader_tokens"),
               nb::arg("documents"), nb::arg("out"), nb::arg("progress").none());
    module.def("fit_head", fit_head, nb::arg("folder"), nb::arg("texts"), nb::arg("labels"), nb::arg("penalty"),
               nb::arg("out"), nb::arg("progress").none());
    module.def("version", [] { return std::string(polyformer::version()); });
}
