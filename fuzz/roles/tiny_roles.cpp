#include "fuzz/roles/tiny_roles.h"

#include <array>
#include <functional>
#include <utility>

#include "fuzz/plans/tiny_graph.h"
#include "polyformer/ckks/client/secret_key_serialization.h"
#include "polyformer/compile/compile.h"
#include "polyformer/service/client.h"

namespace polyformer::fuzz {

namespace {

std::vector<std::byte> file_of(const std::function<void(ckks::ByteSink&)>& write) {
    ckks::MemorySink sink;
    write(sink);
    return {sink.bytes().begin(), sink.bytes().end()};
}

TinyRoles make() {
    compile::PlanOptions options = tiny_options();
    options.images = 2;
    compile::Plan plan = compile::compile(tiny_graph(), options);
    service::ClientPlan client = service::client_plan(plan);
    const fixtures::Builder builder(kTinyContext, kTinyWidth);
    const std::array texts{builder.text(kTinyContext, 1), builder.text(1, 2)};
    const ckks::Parameters& parameters = plan.frame.parameters;
    ckks::SecretKey secret = ckks::SecretKey::generate(parameters);
    service::Request request = service::make_request(client, secret, texts);
    std::vector<std::byte> key_file = file_of(
        [&](ckks::ByteSink& sink) { ckks::write_fresh_evaluation_keys(sink, parameters, secret, client.keys); });
    std::vector<std::byte> request_file =
        file_of([&](ckks::ByteSink& sink) { service::write_request(sink, parameters, request); });
    return {std::move(plan),    std::move(client),   std::move(secret),
            std::move(request), std::move(key_file), std::move(request_file)};
}

}  // namespace

const TinyRoles& tiny_roles() {
    static const TinyRoles roles = make();
    return roles;
}

}  // namespace polyformer::fuzz
