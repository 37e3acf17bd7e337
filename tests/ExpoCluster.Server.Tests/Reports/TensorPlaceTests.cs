using ExpoCluster.Server.Reports;

namespace ExpoCluster.Server.Tests.Reports;

public sealed class TensorPlaceTests
{
    [Theory]
    [InlineData("model.layers.17.self_attn.q_proj.weight", "self_attn.q_proj", 17)]
    [InlineData("model.layers.3.block_sparse_moe.experts.5.w1.weight", "block_sparse_moe.experts.*.w1", 3)]
    [InlineData("transformer.h.0.attn.c_attn.bias", "attn.c_attn.bias", 0)]
    [InlineData("vision_tower.encoder.layers.2.mlp.fc1.weight", "vision_tower.encoder.mlp.fc1", 2)]
    [InlineData("model.embed_tokens.weight", "embed_tokens", null)]
    [InlineData("lm_head.weight", "lm_head", null)]
    [InlineData("weight", "weight", null)]
    public void A_name_has_a_kind_and_a_layer(string tensor, string kind, int? layer) =>
        Assert.Equal(new TensorPlace(kind, layer), TensorPlace.Of(tensor));
}
