#include "polyformer/trainer/descent/checkpoint.h"

#include <sstream>
#include <vector>

#include "polyformer/support/error.h"
#include "polyformer/support/system/atomic_file.h"

namespace polyformer::train {
namespace {

using torch::Tensor;

Tensor row_of(std::vector<double> values) {
    return torch::tensor(values, torch::kFloat64);
}

// A site as (lower, upper) and, when it has a polynomial, (lower, upper, coefficients...) of that.
void write_sites(torch::serialize::OutputArchive& archive, const std::vector<Site>& sites) {
    for (std::size_t i = 0; i < sites.size(); ++i) {
        archive.write(fmt::format("site_{}", i), row_of({sites[i].lower, sites[i].upper}));
        std::vector<double> polynomial;
        if (sites[i].polynomial) {
            polynomial = {sites[i].polynomial->lower, sites[i].polynomial->upper};
            polynomial.insert(polynomial.end(), sites[i].polynomial->coefficients.begin(),
                              sites[i].polynomial->coefficients.end());
        }
        archive.write(fmt::format("polynomial_{}", i), row_of(polynomial));
    }
}

std::vector<double> read_row(torch::serialize::InputArchive& archive, const std::string& key) {
    Tensor row;
    archive.read(key, row);
    row = row.to(torch::kFloat64).contiguous();
    return {row.data_ptr<double>(), row.data_ptr<double>() + row.numel()};
}

void read_sites(torch::serialize::InputArchive& archive, std::vector<Site>& sites) {
    for (std::size_t i = 0; i < sites.size(); ++i) {
        const std::vector<double> interval = read_row(archive, fmt::format("site_{}", i));
        require<FormatError>(interval.size() == 2, "site {} has {} interval ends", i, interval.size());
        sites[i].lower = interval[0];
        sites[i].upper = interval[1];
        std::vector<double> row = read_row(archive, fmt::format("polynomial_{}", i));
        sites[i].polynomial.reset();
        if (row.size() > 2) sites[i].polynomial = model::Polynomial{row[0], row[1], {row.begin() + 2, row.end()}};
    }
}

// Runs `read` on the archive in `file`, LibTorch's errors turned into ours.
template <class Read>
void with_archive(const std::filesystem::path& file, const Read& read) {
    std::istringstream stream(read_file(file));
    try {
        torch::serialize::InputArchive archive;
        archive.load_from(stream);
        read(archive);
    } catch (const c10::Error& error) {
        fail<FormatError>("{} is not a checkpoint of this model, or is damaged ({}): delete it to start the stage anew",
                          file.string(), error.what_without_backtrace());
    }
}

void require_recipe(torch::serialize::InputArchive& archive, const std::filesystem::path& file,
                    const std::string& recipe) {
    c10::IValue written;
    archive.read("recipe", written);
    require(written.toStringRef() == recipe,
            "{} was written under another configuration or for another data set:\n  {}\nthan this one:\n  {}\nGo on "
            "with the same, or delete the file to start the stage anew",
            file.string(), written.toStringRef(), recipe);
}

void read_model(torch::serialize::InputArchive& archive, Network& model) {
    torch::serialize::InputArchive weights;
    archive.read("model", weights);
    const torch::NoGradGuard no_gradients;
    std::vector<std::vector<std::int64_t>> shapes;
    for (const Tensor& parameter : model.parameters()) shapes.push_back(parameter.sizes().vec());
    model.load(weights);
    const std::vector<Tensor> loaded = model.parameters();
    for (std::size_t i = 0; i < shapes.size(); ++i) {
        require<FormatError>(loaded[i].sizes().vec() == shapes[i],
                             "the checkpoint holds a model of another shape than the configuration's: use the "
                             "configuration that it was made with, or another output folder");
    }
    read_sites(archive, model.sites);
}

void write_model(torch::serialize::OutputArchive& archive, const Network& model, const std::string& recipe) {
    torch::serialize::OutputArchive weights;
    model.save(weights);
    archive.write("model", weights);
    archive.write("recipe", c10::IValue(recipe));
    write_sites(archive, model.sites);
}

void write_archive(torch::serialize::OutputArchive& archive, const std::filesystem::path& file) {
    std::ostringstream stream;
    archive.save_to(stream);
    write_file(file, stream.view());
}

}  // namespace

void save_checkpoint(const std::filesystem::path& file, const Network& model, const Optimizer& optimizer,
                     const Reached& reached, const std::string& recipe) {
    torch::serialize::OutputArchive archive;
    write_model(archive, model, recipe);
    torch::serialize::OutputArchive state;
    optimizer.save(state);
    archive.write("optimizer", state);
    archive.write("step", torch::tensor(static_cast<std::int64_t>(reached.step)));
    archive.write("history", c10::IValue(reached.history.json().dump()));
    write_archive(archive, file);
}

void save_model(const std::filesystem::path& file, const Network& model, const std::string& recipe) {
    torch::serialize::OutputArchive archive;
    write_model(archive, model, recipe);
    write_archive(archive, file);
}

void load_model(const std::filesystem::path& file, Network& model, const std::string& recipe) {
    with_archive(file, [&](torch::serialize::InputArchive& archive) {
        require_recipe(archive, file, recipe);
        read_model(archive, model);
    });
}

Reached resume_checkpoint(const std::filesystem::path& file, Network& model, Optimizer& optimizer,
                          const std::string& recipe) {
    Reached reached;
    with_archive(file, [&](torch::serialize::InputArchive& archive) {
        require_recipe(archive, file, recipe);
        read_model(archive, model);
        torch::serialize::InputArchive state;
        archive.read("optimizer", state);
        optimizer.load(state);
        Tensor step;
        archive.read("step", step);
        reached.step = static_cast<std::size_t>(step.item<std::int64_t>());
        c10::IValue history;
        archive.read("history", history);
        reached.history = History::parse(history.toStringRef());
    });
    return reached;
}

}  // namespace polyformer::train
