#include "polyformer/model/graph/graph_files.h"

#include <cmath>

#include "polyformer/model/graph/fingerprint.h"
#include "tests/model/fixtures.h"

namespace polyformer::model {
namespace {

/// A copy of the golden model to damage.
class GraphFiles : public testing::Test {
  protected:
    GraphFiles() { save_graph(load_graph(kGolden), directory()); }

    const std::filesystem::path& directory() const { return scratch_.path(); }
    std::filesystem::path file(const char* name) const { return directory() / name; }

    void expect_load_error(const std::vector<std::string>& parts) const {
        expect_error<FormatError>([&] { load_graph(directory()); }, parts);
    }

    /// Replaces the first `from` in graph.json, which must be there.
    void edit(const std::string& from, const std::string& to) const {
        std::string text = read_file(kOriginal);
        const std::size_t at = text.find(from);
        ASSERT_NE(at, std::string::npos) << from;
        write_file(file("graph.json"), text.replace(at, from.size(), to));
    }

    void expect_edit_error(const std::string& from, const std::string& to,
                           const std::vector<std::string>& parts) const {
        edit(from, to);
        expect_load_error(parts);
    }

  private:
    const std::filesystem::path kOriginal = kGolden / "graph.json";
    ScratchDirectory scratch_;
};

TEST_F(GraphFiles, RoundTripIsExact) {
    const Graph golden = load_graph(kGolden);
    const Graph graph = load_graph(directory());
    EXPECT_EQ(fingerprint(graph), fingerprint(golden));
    EXPECT_EQ(graph.nodes.size(), golden.nodes.size());
}

TEST_F(GraphFiles, DoublesSurviveTheText) {
    Graph graph = small_graph();
    const std::vector<double> hard{0.1, 1.0 / 3, 5e-324, -0.0, 1.7976931348623157e308, 1e22 + 2097152, M_PI};
    std::get<Apply>(graph.nodes[2].operation).polynomial.coefficients = hard;
    graph.nodes[3].bound = std::nextafter(1, 2);
    save_graph(graph, directory());
    const Graph loaded = load_graph(directory());
    EXPECT_EQ(fingerprint(loaded), fingerprint(graph));
    EXPECT_EQ(std::get<Apply>(loaded.nodes[2].operation).polynomial.coefficients, hard);
}

TEST_F(GraphFiles, UnsoundGraphsAreNotSaved) {
    const ScratchDirectory empty;
    Graph graph = small_graph();
    graph.nodes[1].bound = -1;
    expect_error<Error>([&] { save_graph(graph, empty.path()); }, {"bound is -1"});
    EXPECT_TRUE(std::filesystem::is_empty(empty.path()));
}

TEST_F(GraphFiles, MissingFilesAreNamed) {
    expect_error<IoError>([&] { load_graph(directory() / "nowhere"); }, {"graph.json", "no such file"});
    std::filesystem::remove(file("weights.safetensors"));
    expect_error<IoError>([&] { load_graph(directory()); }, {"weights.safetensors", "no such file"});
}

TEST_F(GraphFiles, TruncationIsNoticed) {
    for (const char* name : {"graph.json", "weights.safetensors"}) {
        const std::string whole = read_file(file(name));
        for (std::size_t size = 0; size + 2 < whole.size(); size += 97) {
            write_file(file(name), whole.substr(0, size));
            EXPECT_THROW(load_graph(directory()), FormatError) << name << " of " << size << " bytes";
        }
        write_file(file(name), whole);
    }
    EXPECT_NO_THROW(load_graph(directory()));
}

TEST_F(GraphFiles, FlippedBitsAreNoticed) {
    // A flip may go unnoticed only where it changes nothing: in the key of the checksum, or past a double's precision.
    const std::string expected = fingerprint(load_graph(directory()));
    for (const char* name : {"graph.json", "weights.safetensors"}) {
        const std::string whole = read_file(file(name));
        for (std::size_t bit = 0; bit < 8 * whole.size(); bit += 131) {
            std::string damaged = whole;
            damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
            write_file(file(name), damaged);
            try {
                EXPECT_EQ(fingerprint(load_graph(directory())), expected) << name << ", bit " << bit;
            } catch (const FormatError& error) {
                EXPECT_THAT(error.what(), testing::HasSubstr(directory().string()));
            }
        }
        write_file(file(name), whole);
    }
}

TEST_F(GraphFiles, ForeignGraphsAreRefused) {
    write_file(file("graph.json"), "{\"architectures\": [\"GPT2LMHeadModel\"]}");
    expect_load_error({"graph.json", "'format' is missing"});
    write_file(file("graph.json"), "\x89PNG\r\n");
    expect_load_error({"graph.json", "not valid JSON"});
    expect_edit_error("polyformer-graph", "polyformer-plan", {"'polyformer-plan', not 'polyformer-graph'"});
    expect_edit_error("\"version\": 2", "\"version\": 7", {"version 7 is not known", "2 to 6"});
    expect_edit_error("\"version\": 2", "\"version\": 2, \"version\": 1", {"'version' is given twice"});
    expect_edit_error("\"version\": 2", "\"version\": 2, \"author\": \"x\"", {"unknown key 'author'"});
}

TEST_F(GraphFiles, DamagedNodesAreNamed) {
    expect_edit_error("\"input\": \"layers.0.attention_norm.square\"", "\"input\": \"outside\"",
                      {"node 2", "'outside'", "earlier node"});
    expect_edit_error("\"left\": \"input\"", "\"left\": \"logits\"",
                      {"node 1", "'logits'", "not the name of an earlier"});
    expect_edit_error("\"multiply\"", "\"softmax\"", {"node 1", "'softmax' is not known"});
    expect_edit_error("\"name\": \"layers.0.attention.key\"", "\"name\": \"layers.0.attention.query\"",
                      {"no tensor 'layers.0.attention.query.weight'"});
    expect_edit_error("\"heads\": 2", "\"heads\": -2", {"'heads' must be a whole number", "found -2"});
    expect_edit_error("\"heads\": 2", "\"heads\": 3", {"8 features do not divide into 3 heads"});
    expect_edit_error("\"lower\": 0.25", "\"lower\": 25.0", {"layers.0.attention_norm.inverse_sqrt", "interval [25,"});
    expect_edit_error("\"lower\": 0.25", "\"lower\": 0.125", {"fingerprint", "were changed or mixed up"});
    expect_edit_error("\"context\": 5", "\"context\": 6", {"the mask is (10, 5)", "(12, 6) is needed"});
    expect_edit_error("\"context\": 5", "\"context\": 70000", {"'context' must be a whole number from 0 to 65536"});
    expect_edit_error("\"width\": 8", "\"width\": 1048577", {"'width' must be a whole number from 0 to 1048576"});
    expect_edit_error("\"bias\": true", "\"bias\": false", {"no node uses the tensor 'layers.0.attention.query.bias'"});
    expect_edit_error("\"bias\": true", "\"bias\": 1", {"'bias' must be true or false"});
    expect_edit_error("\"causal\": true", "\"causal\": null", {"'causal'", "found null"});
}

TEST_F(GraphFiles, WeightsOfAnotherModelAreRefused) {
    Graph other = load_graph(kGolden);
    const ScratchDirectory elsewhere;
    std::get<Linear>(other.nodes.back().operation).weight.values[0] += 1;
    save_graph(other, elsewhere.path());
    std::filesystem::copy_file(elsewhere.path() / "weights.safetensors", file("weights.safetensors"),
                               std::filesystem::copy_options::overwrite_existing);
    expect_load_error({"fingerprint", "mixed up"});
    save_graph(small_graph(), elsewhere.path());
    std::filesystem::copy_file(elsewhere.path() / "weights.safetensors", file("weights.safetensors"),
                               std::filesystem::copy_options::overwrite_existing);
    expect_load_error({"the weights have no tensor"});
}

}  // namespace
}  // namespace polyformer::model
