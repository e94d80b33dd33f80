// data/gguf: files by llama.cpp's own package, and what it reads from them (scripts/golden-gguf).
#include <array>
#include <limits>

#include "polyformer/model/gguf/gguf_file.h"
#include "polyformer/support/small_floats.h"
#include "tests/model/fixtures.h"
#include "tests/model/gguf/gguf_bytes.h"

namespace polyformer::model {
namespace {

const std::filesystem::path kData = std::filesystem::path(POLYFORMER_TEST_DATA) / "gguf";

GgufHeader parse(const std::string& bytes) {
    return parse_gguf(std::as_bytes(std::span(bytes)), "m.gguf");
}

void expect_refused(const GgufBytes& file, const std::vector<std::string>& parts) {
    expect_error<FormatError>([&] { parse(file.bytes()); }, parts);
}

TEST(SmallFloats, AreExact) {
    EXPECT_EQ(float_of_half(0x3C00), 1.0F);
    EXPECT_EQ(float_of_half(0xC500), -5.0F);
    EXPECT_EQ(float_of_half(0x7BFF), 65504.0F);
    EXPECT_EQ(float_of_half(0x0001), 0x1p-24F);
    EXPECT_EQ(float_of_half(0x83FF), -0x3FFp-24F);
    EXPECT_EQ(float_of_half(0x7C00), std::numeric_limits<float>::infinity());
    EXPECT_NE(float_of_half(0x7C01), float_of_half(0x7C01));
    EXPECT_EQ(float_of_bfloat16(0xC020), -2.5F);
}

TEST(Gguf, DecodesEveryQuantisation) {
    const GgufFile file(kData / "blocks.gguf");
    const FloatTensors expected = read_safetensors(kData / "blocks.safetensors");
    EXPECT_EQ(expected.size(), 13U);
    ASSERT_EQ(file.tensors().size(), expected.size());
    for (const auto& [name, tensor] : expected) {
        const FloatTensor found = file.read(name);
        EXPECT_EQ(found.shape, tensor.shape) << name;
        ASSERT_EQ(found.values.size(), tensor.values.size()) << name;
        for (std::size_t i = 0; i < found.values.size(); ++i) {
            ASSERT_FLOAT_EQ(found.values[i], tensor.values[i]) << name << " at " << i;
        }
        EXPECT_THAT(known_weight_types(), testing::HasSubstr(name));
    }
}

TEST(Gguf, ReadsMetadataOfEveryType) {
    GgufBytes file;
    file.start(0, 15).pair("text", "words").pair("count", 7U).pair("real", 0.5F).pair("flag", true);
    file.pair("texts", std::vector<std::string>{"a", "", "b"}).pair("numbers", std::vector<float>{1, -2.5F});
    file.text("int8").number(std::uint32_t{1}).number(std::int8_t{-3});
    file.text("uint8").number(std::uint32_t{0}).number(std::uint8_t{200});
    file.text("uint16").number(std::uint32_t{2}).number(std::uint16_t{60000});
    file.text("int16").number(std::uint32_t{3}).number(std::int16_t{-30000});
    file.text("int32").number(std::uint32_t{5}).number(std::int32_t{9});
    file.text("uint64").number(std::uint32_t{10}).number(std::uint64_t{1} << 40);
    file.text("int64").number(std::uint32_t{11}).number(std::int64_t{-1});
    file.text("double").number(std::uint32_t{12}).number(0.25);
    file.text("flags").number(std::uint32_t{9}).number(std::uint32_t{7}).number(std::uint64_t{2});
    file.number(std::uint8_t{1}).number(std::uint8_t{0});
    const GgufHeader header = parse(file.bytes());
    const GgufMetadata& found = header.metadata;
    EXPECT_EQ(found.text("text"), "words");
    EXPECT_EQ(found.count("count", 0, 10), 7U);
    EXPECT_EQ(found.number("real", 0, 1, 0), 0.5);
    EXPECT_EQ(found.number("int64", -2, 0, 0), -1);
    EXPECT_EQ(found.number("int16", -40000, 0, 0), -30000);
    EXPECT_TRUE(found.flag("flag", false));
    EXPECT_EQ(found.texts("texts"), (std::vector<std::string_view>{"a", "", "b"}));
    EXPECT_EQ(found.numbers("numbers"), (std::vector<double>{1, -2.5}));
    EXPECT_EQ(found.numbers("flags"), (std::vector<double>{1, 0}));
    EXPECT_EQ(found.count("uint8", 0, 255), 200U);
    EXPECT_EQ(found.count("uint16", 0, 65535), 60000U);
    EXPECT_EQ(found.count("int32", 0, 10), 9U);
    EXPECT_EQ(found.count("uint64", 0, SIZE_MAX), std::size_t{1} << 40);
    EXPECT_EQ(found.number("double", 0, 1, 0), 0.25);
    EXPECT_EQ(found.count("absent", 0, 9, 5), 5U);
    EXPECT_EQ(found.text("absent", "else"), "else");
    expect_error<FormatError>([&] { static_cast<void>(found.count("int8", 0, 9)); },
                              {"m.gguf: 'int8' is -3", "0 to 9"});
    expect_error<FormatError>([&] { static_cast<void>(found.count("count", 8, 9)); }, {"'count' is 7", "8 to 9"});
    expect_error<FormatError>([&] { static_cast<void>(found.count("text", 0, 9)); }, {"'text' is 'words'"});
    expect_error<FormatError>([&] { static_cast<void>(found.text("count")); }, {"'count' is 7", "a text"});
    expect_error<FormatError>([&] { static_cast<void>(found.texts("numbers")); }, {"'numbers' is 2 numbers"});
    expect_error<FormatError>([&] { static_cast<void>(found.flag("texts", true)); }, {"'texts' is 3 texts"});
    expect_error<FormatError>([&] { static_cast<void>(found.number("real", 1, 2, 1)); }, {"'real' is 0.5", "1 to 2"});
    expect_error<FormatError>([&] { static_cast<void>(found.text("absent")); }, {"'absent' is missing"});
}

TEST(Gguf, EveryCutIsRefused) {
    const std::string whole = GgufBytes()
                                  .start(2, 3)
                                  .pair("a", "text")
                                  .pair("b", std::vector<std::string>{"x", "yz"})
                                  .pair("c", std::vector<float>{1, 2})
                                  .tensor("t", {2, 1}, 0, 0)
                                  .tensor("u", {1}, 1, 32)
                                  .data(std::string(34, '\0'))
                                  .bytes();
    EXPECT_EQ(parse(whole).tensors.size(), 2U);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_THROW(parse(whole.substr(0, size)), FormatError) << size;
    }
    std::string second = whole;
    second[4] = 2;
    EXPECT_EQ(parse(second).tensors.at("t").shape, (std::vector<std::size_t>{1, 2}));
}

TEST(Gguf, RefusesOtherFormatsAndVersions) {
    expect_error<FormatError>([] { parse("GGML and more"); }, {"no GGUF file", "'GGML'"});
    std::string bytes = GgufBytes().start(0, 0).bytes();
    bytes[4] = 1;
    expect_error<FormatError>([&] { parse(bytes); }, {"version 1", "2 and 3 can"});
    bytes[4] = 4;
    expect_error<FormatError>([&] { parse(bytes); }, {"version 4"});
    bytes[4] = 0;
    bytes[7] = 3;
    expect_error<FormatError>([&] { parse(bytes); }, {"big-endian"});
}

TEST(Gguf, RefusesSizesThatTheFileDoesNotHold) {
    constexpr std::uint64_t kHuge = std::uint64_t{1} << 60;
    expect_refused(GgufBytes().start(kHuge, 0), {"the number of tensors is 1152921504606846976"});
    expect_refused(GgufBytes().start(0, kHuge), {"the number of metadata"});
    expect_refused(GgufBytes().start(0, 1).number(kHuge).data(std::string(20, 'x')), {"the length of a key"});
    expect_refused(GgufBytes().start(0, 1).pair("", 1U), {"a key is ''"});
    expect_refused(GgufBytes().start(0, 1).pair("\xff", 1U), {"a key is '\\xff'", "UTF-8"});
    expect_refused(GgufBytes().start(0, 1).text("k").number(std::uint32_t{8}).number(kHuge), {"the length of 'k'"});
    expect_refused(GgufBytes().start(0, 1).text("k").number(std::uint32_t{13}).number(kHuge), {"'k' has the type 13"});
    const auto list = [](std::uint32_t type) {
        return GgufBytes().start(0, 1).text("k").number(std::uint32_t{9}).number(type).number(kHuge);
    };
    expect_refused(list(4), {"the number of entries of 'k' is 1152921504606846976"});
    expect_refused(list(8), {"the number of entries of 'k'"});
    expect_refused(list(9), {"'k' is a list of lists"});
    expect_refused(list(77), {"'k' has the type 77"});
    expect_refused(GgufBytes().start(0, 2).pair("k", 1U).pair("k", 1U), {"'k' is there twice"});
}

TEST(Gguf, RefusesTensorsThatDoNotFit) {
    constexpr std::uint64_t kHuge = std::uint64_t{1} << 62;
    const std::string data(128, '\0');
    const auto one = [&](const std::vector<std::uint64_t>& sizes, std::uint32_t type, std::uint64_t offset) {
        return GgufBytes().start(1, 0).tensor("t", sizes, type, offset).data(data);
    };
    EXPECT_EQ(parse(one({32}, 0, 0).bytes()).tensors.at("t").bytes, 128U);
    expect_refused(one({33}, 0, 0), {"tensor 't' ends at byte", "truncated"});
    expect_refused(one({4, kHuge}, 0, 0), {"tensor 't' of shape [4611686018427387904, 4]", "truncated"});
    expect_refused(one({kHuge, kHuge, kHuge, kHuge}, 0, 0), {"takes more than the file's"});
    expect_refused(one({kHuge}, 12, 0), {"takes more than the file's"});
    expect_refused(one({0}, 0, 0), {"tensor 't' has a dimension of 0"});
    expect_refused(one({}, 0, 0), {"tensor 't' has 0 dimensions", "1 to 4"});
    expect_refused(one({1, 1, 1, 1, 1}, 0, 0), {"tensor 't' has 5 dimensions"});
    expect_refused(one({31}, 8, 0), {"rows of 31 values", "Q8_0 keeps 32 in a block"});
    expect_refused(one({128}, 12, 0), {"rows of 128 values", "Q4_K keeps 256"});
    expect_refused(one({32}, 17, 0), {"tensor 't' has the type IQ2_XS", "Q4_K", "llama-quantize"});
    expect_refused(one({32}, 4, 0), {"tensor 't' has the type 4"});
    expect_refused(one({1}, 0, 32), {"tensor 't' begins at byte 32", "ends at 0"});
    expect_refused(one({1}, 0, UINT64_MAX), {"tensor 't' begins at byte 18446744073709551615"});
    const auto two = [&](const char* second, std::uint64_t offset) {
        return GgufBytes().start(2, 0).tensor("t", {9}, 0, 0).tensor(second, {1}, 0, offset).data(data);
    };
    EXPECT_EQ(parse(two("u", 64).bytes()).tensors.size(), 2U);
    expect_refused(two("u", 32), {"tensor 'u' begins at byte 32", "ends at 64", "overlap"});
    expect_refused(two("u", 96), {"leave holes"});
    expect_refused(two("t", 64), {"tensor 't' is there twice"});
    const auto aligned = [](std::uint32_t alignment) {
        return GgufBytes().start(0, 1).pair("general.alignment", alignment);
    };
    expect_refused(aligned(24), {"'general.alignment' is 24", "power of two"});
    expect_refused(aligned(0), {"'general.alignment' is 0"});
}

TEST(Gguf, RefusesWhatIsNotFinite) {
    const ScratchDirectory scratch;
    const std::filesystem::path path = scratch.path() / "m.gguf";
    GgufBytes file;
    file.start(1, 0).tensor("t", {2}, 0, 0).data("").number(1.0F).number(std::numeric_limits<float>::infinity());
    write_file(path, file.bytes());
    const GgufFile found(path);
    expect_error<FormatError>([&] { static_cast<void>(found.read("t")); }, {"tensor 't'", "inf", "index 1"});
    expect_error<Error>([&] { static_cast<void>(found.read("u")); }, {"no tensor 'u'"});
    EXPECT_TRUE(is_gguf(path));
    std::filesystem::rename(path, scratch.path() / "m");
    EXPECT_TRUE(is_gguf(scratch.path() / "m"));
    EXPECT_TRUE(is_gguf(scratch.path() / "absent.gguf"));
    EXPECT_FALSE(is_gguf(scratch.path()));
    write_file(scratch.path() / "m", "GGML");
    EXPECT_FALSE(is_gguf(scratch.path() / "m"));
}

}  // namespace
}  // namespace polyformer::model
