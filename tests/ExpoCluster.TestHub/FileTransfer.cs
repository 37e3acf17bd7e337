using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace ExpoCluster.TestHub;

/// <summary>Sends a file or a range of it, as far as the plan lets it.</summary>
internal sealed class FileTransfer(HttpContext context, TestFile file, BodyPlan plan, int? bytesPerSecond)
{
    private long begin;
    private long end = file.ByteLength;

    public void WriteHeaders()
    {
        if (!plan.IgnoresRange && RangeHeaderValue.TryParse(context.Request.Headers.Range.ToString(), out RangeHeaderValue? header))
        {
            RangeItemHeaderValue item = header.Ranges.First();
            begin = item.From ?? file.ByteLength - item.To!.Value;
            end = item.From is null ? file.ByteLength : Math.Min((item.To ?? (file.ByteLength - 1)) + 1, file.ByteLength);
            context.Response.StatusCode = begin < file.ByteLength ? 206 : 416;
            context.Response.Headers.ContentRange = string.Create(
                CultureInfo.InvariantCulture, $"bytes {begin + plan.Shift}-{end - 1 + plan.Shift}/{file.ByteLength + plan.ClaimedMore}");
            context.Response.ContentLength = end - begin;
        }
        else
        {
            context.Response.ContentLength = file.ByteLength + plan.ClaimedMore;
        }
    }

    public async Task SendAsync(Action<int> count)
    {
        using Stream stream = file.Open();
        stream.Position = begin;
        byte[] buffer = new byte[bytesPerSecond is { } rate ? Math.Max(1, Math.Min(64 << 10, rate / 20)) : 64 << 10];
        long sent = 0;
        while (begin + sent < end)
        {
            long left = Math.Min(end - begin - sent, Math.Min(plan.DropAfter ?? long.MaxValue, plan.StallAfter ?? long.MaxValue) - sent);
            if (left <= 0)
            {
                await context.Response.Body.FlushAsync(context.RequestAborted).ConfigureAwait(false);
                await BreakAsync(sent).ConfigureAwait(false);
                return;
            }

            int read = await stream.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, left)), context.RequestAborted).ConfigureAwait(false);
            Damage(buffer.AsSpan(0, read), begin + sent);
            await context.Response.Body.WriteAsync(buffer.AsMemory(0, read), context.RequestAborted).ConfigureAwait(false);
            sent += read;
            count(read);
            if (bytesPerSecond is { } limit)
            {
                await Task.Delay(TimeSpan.FromSeconds((double)read / limit), context.RequestAborted).ConfigureAwait(false);
            }
        }
    }

    private async Task BreakAsync(long sent)
    {
        if (plan.StallAfter is not null)
        {
            await Task.Delay(TimeSpan.FromMinutes(1), context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        // A reset overtakes what was sent: the client is to have those bytes first.
        await Task.Delay(sent > 0 ? 30 : 0).ConfigureAwait(false);
        context.Abort();
    }

    private void Damage(Span<byte> bytes, long offset)
    {
        if (plan.DamagedOffset is { } damaged && damaged >= offset && damaged < offset + bytes.Length)
        {
            bytes[(int)(damaged - offset)] ^= 1;
        }
    }
}
