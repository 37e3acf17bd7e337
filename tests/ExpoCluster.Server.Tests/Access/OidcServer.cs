using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace ExpoCluster.Server.Tests.Access;

/// <summary>An OpenID Connect authority of the test's own: it serves its discovery document and its key, and signs what it is told to, made without the product's library.</summary>
internal sealed class OidcServer : IAsyncDisposable
{
    public const string Audience = "expocluster";

    private const string KeyId = "test-key";

    private readonly RSA key = RSA.Create(2048);
    private readonly RSA otherKey = RSA.Create(2048);
    private readonly WebApplication application;

    private OidcServer(WebApplication application) => this.application = application;

    /// <summary>Where it is, and what it calls itself.</summary>
    public string Address => application.Urls.First() + "/realms/models";

    public static async Task<OidcServer> StartAsync(string url = "http://127.0.0.1:0")
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(url);
        var server = new OidcServer(builder.Build());
        server.application.MapGet("/realms/models/.well-known/openid-configuration", server.Describe);
        server.application.MapGet("/keys", server.ShowKeys);
        await server.application.StartAsync();
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        await application.DisposeAsync();
        key.Dispose();
        otherKey.Dispose();
    }

    /// <summary>What a good token of an operator says.</summary>
    public JsonObject Claims(string role = "expocluster-operator") => new()
    {
        ["iss"] = Address,
        ["aud"] = Audience,
        ["sub"] = "0f3a",
        ["preferred_username"] = "ada",
        ["roles"] = new JsonArray("something-else", role),
        ["iat"] = Now(-10),
        ["exp"] = Now(600),
    };

    public static long Now(int plusSeconds) => TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() + plusSeconds;

    public string Sign(JsonObject claims) => Sign(claims, "RS256", data => key.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));

    public string SignWithOtherKey(JsonObject claims) =>
        Sign(claims, "RS256", data => otherKey.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));

    /// <summary>As if the public key, which everybody has, were a shared secret.</summary>
    public string SignWithPublicKey(JsonObject claims) =>
        Sign(claims, "HS256", data => HMACSHA256.HashData(Encoding.ASCII.GetBytes(key.ExportSubjectPublicKeyInfoPem()), data));

    public static string DoNotSign(JsonObject claims) => Sign(claims, "none", _ => []);

    private static string Sign(JsonObject claims, string algorithm, Func<byte[], byte[]> sign)
    {
        string head = Encode(new JsonObject { ["alg"] = algorithm, ["typ"] = "JWT", ["kid"] = KeyId }) + "." + Encode(claims);
        return head + "." + Base64Url.EncodeToString(sign(Encoding.ASCII.GetBytes(head)));
    }

    private static string Encode(JsonObject part) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(part.ToJsonString()));

    private IResult Describe() => Results.Content(
        new JsonObject { ["issuer"] = Address, ["jwks_uri"] = application.Urls.First() + "/keys" }.ToJsonString(), "application/json");

    private IResult ShowKeys()
    {
        RSAParameters shown = key.ExportParameters(includePrivateParameters: false);
        var jwk = new JsonObject
        {
            ["kty"] = "RSA", ["use"] = "sig", ["kid"] = KeyId, ["n"] = Base64Url.EncodeToString(shown.Modulus), ["e"] = Base64Url.EncodeToString(shown.Exponent),
        };
        return Results.Content(new JsonObject { ["keys"] = new JsonArray(jwk) }.ToJsonString(), "application/json");
    }
}
