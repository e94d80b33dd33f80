#include "polyformer/service/server.h"

#include "polyformer/ckks/files/evaluation_key_serialization.h"
#include "polyformer/ckks/scheme/key_request.h"
#include "polyformer/runtime/executor.h"
#include "polyformer/service/request_check.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/process.h"

namespace polyformer::service {

std::string check_server_keys(const std::filesystem::path& path, const compile::Plan& plan) {
    const ckks::FileSource source(path);
    const ckks::EvaluationKeysReader reader(source, plan.frame.parameters);
    reader.expect(plan.keys);
    return reader.key_fingerprint();
}

std::shared_ptr<const ckks::EvaluationKeys> load_server_keys(const std::filesystem::path& path,
                                                             const compile::Plan& plan,
                                                             const std::function<void(double share)>& progress) {
    const ckks::FileSource source(path);
    const ckks::EvaluationKeysReader reader(source, plan.frame.parameters);
    reader.expect(plan.keys);
    return std::make_shared<const ckks::EvaluationKeys>(reader.read(progress));
}

Request load_request(const std::filesystem::path& path, const compile::Plan& plan, std::string key_fingerprint) {
    return read_request(ckks::FileSource(path),
                        {plan.frame, client_plan_fingerprint(plan), std::move(key_fingerprint)});
}

void check_request(const compile::Plan& plan, const ckks::EvaluationKeys& keys, const Request& request) {
    const ExpectedRequest expected{plan.frame, client_plan_fingerprint(plan), keys.key_fingerprint};
    check_request_fields(expected, request, request.inputs.size());
    for (const ckks::SeededCiphertext& input : request.inputs) check_request_input(expected, input);
}

Server::Server(const compile::Plan& plan, std::shared_ptr<const ckks::EvaluationKeys> keys)
    : plan_(plan),
      keys_(std::move(keys)),
      backend_(plan.frame.parameters, plan.frame.packing, keys_, plan.bootstrap_key_price) {
    const std::vector<std::string> differences =
        ckks::key_differences(plan.frame.parameters, plan.keys, keys_->shapes());
    require(differences.empty(), "the keys are not those that this plan needs, {} of which differ: {}",
            differences.size(), ckks::list_of(differences));
    if (plan.summary.bootstraps > 0) backend_.prepare_bootstrapping();
}

Inference Server::infer(const Request& request, const runtime::ProgressCallback& progress) {
    check_request(plan_, *keys_, request);
    const Stopwatch watch;
    std::vector<ckks::Ciphertext> inputs;
    for (const ckks::SeededCiphertext& input : request.inputs) {
        inputs.push_back(ckks::expand(plan_.frame.parameters, input));
    }
    auto result = runtime::run(plan_, backend_, std::move(inputs), request.lengths, progress);
    // Nothing more is computed: the logits fit level 0 as they are, and the primes above it need not travel.
    for (ckks::Ciphertext& output : result.outputs) output = backend_.evaluator().drop_to_level(output, 0);
    Inference inference;
    inference.reply = {request.asked(), request.plan_fingerprint, request.key_fingerprint, std::move(result.outputs)};
    inference.profile = std::move(result.profile);
    inference.seconds = watch.seconds();
    inference.peak_resident_bytes = peak_resident_bytes();
    return inference;
}

Inference infer(const compile::Plan& plan, std::shared_ptr<const ckks::EvaluationKeys> keys, const Request& request,
                const runtime::ProgressCallback& progress) {
    check_request(plan, *keys, request);
    const Stopwatch watch;
    Inference inference = Server(plan, std::move(keys)).infer(request, progress);
    inference.seconds = watch.seconds();
    return inference;
}

}  // namespace polyformer::service
