// Writes the inputs that the targets for keys, ciphertexts, plans and image models start from: make_fuzz_corpus
// fuzz/corpus
#include <cstdio>
#include <filesystem>
#include <functional>

#include "fuzz/ckks/small_ring.h"
#include "fuzz/plans/tiny_graph.h"
#include "fuzz/plans/tiny_transformer.h"
#include "polyformer/ckks/client/encryption.h"
#include "polyformer/ckks/client/key_generator.h"
#include "polyformer/ckks/client/secret_key_serialization.h"
#include "polyformer/ckks/files/serialization.h"
#include "polyformer/compile/compile.h"
#include "polyformer/compile/plan_files.h"
#include "polyformer/model/builders/random_vision_model.h"
#include "polyformer/model/graph/graph_files.h"
#include "polyformer/model/images/image_input.h"
#include "polyformer/service/client_plan.h"
#include "polyformer/service/messages.h"

namespace polyformer::fuzz {
namespace {

void write(const std::filesystem::path& path, const std::function<void(ckks::ByteSink&)>& body) {
    std::filesystem::create_directories(path.parent_path());
    std::filesystem::remove(path);  // a secret key would not be overwritten
    ckks::FileSink sink(path);
    body(sink);
    sink.commit();
}

void write_keys_and_ciphertexts(const std::filesystem::path& corpus) {
    using ckks::ByteSink;
    const ckks::Parameters& parameters = small_parameters();
    const ckks::SecretKey secret = ckks::SecretKey::generate(parameters);
    const std::vector<double> values = {0.5, -1};
    const ckks::Plaintext plaintext =
        ckks::Encoder(parameters).encode(std::span<const double>(values), 0, parameters.scale(0));
    const ckks::SeededCiphertext seeded = ckks::encrypt_seeded(parameters, secret, plaintext);
    const ckks::Ciphertext ciphertext = ckks::expand(parameters, seeded);
    const std::string fingerprint(64, 'a');
    const service::Mark mark{1, 2, 3};

    write(corpus / "parameters/small", [&](ByteSink& sink) { ckks::write_parameters(sink, parameters); });
    write(corpus / "parameters/bootstrapping", [&](ByteSink& sink) {
        ckks::write_parameters(sink, ckks::Parameters::create(ckks::presets::insecure_bootstrapping(1024)));
    });
    write(corpus / "secret_key/secret", [&](ByteSink& sink) { ckks::write_secret_key(sink, parameters, secret); });
    write(corpus / "ciphertexts/one",
          [&](ByteSink& sink) { ckks::write_ciphertexts(sink, parameters, {{ciphertext}}); });
    write(corpus / "ciphertexts/seeded",
          [&](ByteSink& sink) { ckks::write_seeded_ciphertexts(sink, parameters, {{seeded}}); });
    write(corpus / "ciphertexts/public_key", [&](ByteSink& sink) {
        ckks::write_public_key(sink, parameters, ckks::KeyGenerator(parameters, secret).public_key());
    });
    write(corpus / "ciphertexts/reply", [&](ByteSink& sink) {
        service::write_reply(sink, parameters, {{{4, 2}, mark}, fingerprint, secret.key_fingerprint(), {ciphertext}});
    });
    ckks::KeyRequest request;
    request.add_rotation(parameters, 1, 2);  // two digits
    write(corpus / "evaluation_keys/rotation",
          [&](ByteSink& sink) { ckks::write_fresh_evaluation_keys(sink, parameters, secret, request); });
}

void write_plans(const std::filesystem::path& corpus) {
    for (const char* target : {"plan", "client_plan"}) std::filesystem::create_directories(corpus / target);
    const std::filesystem::path scratch = corpus / "scratch";
    const auto write_plan = [&](const char* name, const compile::PlanOptions& options) {
        const model::Graph graph = tiny_graph();
        std::filesystem::create_directories(scratch);
        compile::save_plan(compile::compile(graph, options), graph, scratch);
        std::filesystem::rename(scratch / "plan.json", corpus / "plan" / name);
        std::filesystem::remove_all(scratch);
    };
    write_plan("leveled", tiny_options());
    write_plan("bootstrapping", fixtures::plan_options(kMaxRingDimension));

    struct Start {
        const char* name;
        compile::Positions positions;
        std::size_t images;
    };
    const model::Graph graph = tiny_transformer().graph;
    for (const auto& [name, positions, images] :
         {Start{"all", compile::Positions::all, 1}, Start{"last", compile::Positions::last, 1},
          Start{"several", compile::Positions::last, 4}}) {
        const compile::Plan plan =
            compile::compile(graph, fixtures::plan_options(kMaxRingDimension, positions, images));
        write_file(corpus / "client_plan" / name, service::to_json(service::client_plan(plan)));
    }
}

/// A Swin of two stages with every operation that image models have.
void write_image_models(const std::filesystem::path& corpus) {
    const std::filesystem::path scratch = corpus / "scratch";
    model::save_graph(model::random_vision_model({.rows = 4,
                                                  .columns = 4,
                                                  .stages = {{.width = 4, .window = 2}, {.layers = 1, .width = 4}},
                                                  .features = 3,
                                                  .classes = 2,
                                                  .activation_degree = 3}),
                      scratch);
    for (const char* target : {"graph", "image_input"}) std::filesystem::create_directories(corpus / target);
    write_file(corpus / "graph/image",
               read_file(scratch / "graph.json") + '\0' + read_file(scratch / "weights.safetensors"));
    model::save_image_input({.height = 8, .width = 8, .patch = 1, .kernel = 3, .blocks = {2, 4}, .classes = {"a", "b"}},
                            scratch);
    std::filesystem::rename(scratch / model::image_input_file, corpus / "image_input/small");
    std::filesystem::remove_all(scratch);
}

}  // namespace
}  // namespace polyformer::fuzz

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fputs("usage: make_fuzz_corpus FOLDER\n", stderr);
        return 2;
    }
    polyformer::fuzz::write_keys_and_ciphertexts(argv[1]);
    polyformer::fuzz::write_plans(argv[1]);
    polyformer::fuzz::write_image_models(argv[1]);
}
