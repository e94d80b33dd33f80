#include "polyformer/service/server.h"

#include <cmath>

#include "polyformer/ckks/files/evaluation_key_serialization.h"
#include "polyformer/ckks/scheme/key_request.h"
#include "polyformer/runtime/ckks_backend.h"
#include "polyformer/runtime/executor.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/process.h"

namespace polyformer::service {

std::shared_ptr<const ckks::EvaluationKeys> load_server_keys(const std::filesystem::path& path,
                                                             const compile::Plan& plan,
                                                             const std::function<void(double share)>& progress) {
    auto keys = std::make_shared<const ckks::EvaluationKeys>(
        ckks::read_evaluation_keys(ckks::FileSource(path), plan.frame.parameters, {}, progress));
    const std::vector<std::string> missing = ckks::missing_keys(plan.frame.parameters, plan.keys, *keys);
    constexpr std::size_t kShown = 8;
    require(missing.empty(),
            "'{}' lacks {} of the keys that this plan needs: {}{}. Make new keys with this plan's client.json",
            path.string(), missing.size(),
            fmt::join(missing.begin(), missing.begin() + static_cast<std::ptrdiff_t>(std::min(missing.size(), kShown)),
                      ", "),
            missing.size() > kShown ? ", …" : "");
    return keys;
}

void check_request(const compile::Plan& plan, const ckks::EvaluationKeys& keys, const Request& request) {
    const compile::Frame& frame = plan.frame;
    require(
        request.model_fingerprint == frame.model_fingerprint,
        "the request is for model {:.12}…, but this plan runs model {:.12}…: encrypt the text with the client files "
        "of this plan",
        request.model_fingerprint, frame.model_fingerprint);
    const std::string fingerprint = client_plan_fingerprint(plan);
    require(request.plan_fingerprint == fingerprint,
            "the request was packed for plan {:.12}…, but this is plan {:.12}…: encrypt the text with the client files "
            "of this plan",
            request.plan_fingerprint, fingerprint);
    require(
        request.key_fingerprint == keys.key_fingerprint,
        "the request is encrypted under key set {:.12}…, but the server keys belong to {:.12}…: send the server keys "
        "made together with the secret key that encrypted it",
        request.key_fingerprint, keys.key_fingerprint);
    require(request.tokens >= frame.least_rows && request.tokens <= frame.context,
            "the request has {} tokens; this plan takes {} to {}", request.tokens, frame.least_rows, frame.context);
    require(request.images >= 1 && request.images <= frame.packing.images,
            "the request has {} images; this plan takes 1 to {}", request.images, frame.packing.images);
    require(request.inputs.size() == frame.input_ciphertexts(), "the request has {} ciphertexts; this plan takes {}",
            request.inputs.size(), frame.input_ciphertexts());
    const double scale = frame.parameters.scale(frame.input_level);
    for (const ckks::SeededCiphertext& input : request.inputs) {
        require(
            input.level == frame.input_level && ckks::same_scale(scale, input.scale) &&
                input.slots == frame.packing.slots,
            "a ciphertext of the request has level {}, scale 2^{:.4f} and {} slots; this plan takes level {}, scale "
            "2^{:.4f} and {} slots",
            input.level, std::log2(input.scale), input.slots, frame.input_level, std::log2(scale), frame.packing.slots);
    }
}

Inference infer(const compile::Plan& plan, std::shared_ptr<const ckks::EvaluationKeys> keys, const Request& request,
                const runtime::ProgressCallback& progress) {
    check_request(plan, *keys, request);
    const Stopwatch watch;
    std::vector<ckks::Ciphertext> inputs;
    for (const ckks::SeededCiphertext& input : request.inputs)
        inputs.push_back(ckks::expand(plan.frame.parameters, input));

    runtime::CkksBackend backend(plan.frame.parameters, plan.frame.packing, std::move(keys));
    if (plan.summary.bootstraps > 0) backend.prepare_bootstrapping();
    auto result = runtime::run(plan, backend, std::move(inputs), request.tokens, progress);
    // Nothing more is computed: the logits fit level 0 as they are, and the primes above it need not travel.
    for (ckks::Ciphertext& output : result.outputs) output = backend.evaluator().drop_to_level(output, 0);
    Inference inference;
    inference.reply = {request.asked(), request.plan_fingerprint, request.key_fingerprint, std::move(result.outputs)};
    inference.profile = std::move(result.profile);
    inference.seconds = watch.seconds();
    inference.peak_resident_bytes = peak_resident_bytes();
    return inference;
}

}  // namespace polyformer::service
