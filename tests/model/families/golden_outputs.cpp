#include "tests/model/families/golden_outputs.h"

#include <vector>

#include "polyformer/model/families/read_checkpoint.h"
#include "polyformer/model/interpreter/interpreter.h"
#include "tests/model/fixtures.h"

namespace polyformer::model {

void expect_golden_outputs(const std::filesystem::path& folder, std::size_t context) {
    const auto expected = nlohmann::json::parse(read_file(folder / "expected.json"));
    const auto texts = expected["texts"].get<std::vector<std::vector<std::int32_t>>>();
    const ImportedModel model = read_checkpoint(folder, context);
    std::vector<Tensor> embedded;
    embedded.reserve(texts.size());
    for (const auto& text : texts) embedded.push_back(model.embedding.embed(text));
    const std::vector<Tensor> found = evaluate_batch(model.graph, embedded, Functions::exact);
    ASSERT_EQ(found.size(), texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const auto rows = expected["outputs"][i].get<std::vector<std::vector<double>>>();
        ASSERT_EQ(found[i].rows, rows.size());
        ASSERT_EQ(found[i].columns, rows[0].size());
        for (std::size_t t = 0; t < rows.size(); ++t) {
            for (std::size_t c = 0; c < rows[t].size(); ++c) {
                EXPECT_NEAR(found[i].at(t, c), rows[t][c], 5e-6) << "text " << i << ", row " << t << ", column " << c;
            }
        }
    }
}

}  // namespace polyformer::model
