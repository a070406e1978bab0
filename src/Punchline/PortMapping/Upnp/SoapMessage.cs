using System.Globalization;
using System.Text;

namespace Punchline.PortMapping.Upnp;

/// <summary>Calls of a service and their answers (UPnP Device Architecture 1.1, section 3.2), without I/O.</summary>
internal static class SoapMessage
{
    /// <summary>A call's body. Names and values are ours and have nothing that XML would have to escape.</summary>
    public static string Call(string serviceType, string action, params ReadOnlySpan<(string Name, string Value)> arguments)
    {
        var body = new StringBuilder("<?xml version=\"1.0\"?>\r\n"
            + "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>");
        body.Append(CultureInfo.InvariantCulture, $"<u:{action} xmlns:u=\"{serviceType}\">");
        foreach ((string name, string value) in arguments)
            body.Append(CultureInfo.InvariantCulture, $"<{name}>{value}</{name}>");
        return body.Append(CultureInfo.InvariantCulture, $"</u:{action}></s:Body></s:Envelope>").ToString();
    }

    /// <summary>Reads an answer: the text of one of its elements; empty where there is none.</summary>
    /// <param name="document">The answer's body.</param>
    /// <param name="name">The argument.</param>
    /// <param name="value">Its value.</param>
    /// <param name="error">UPnP's error code if it is a failure, else 0.</param>
    /// <returns>False if it is no XML.</returns>
    public static bool TryRead(string document, string name, out string value, out int error)
    {
        string found = "";
        int code = 0;
        bool read = UpnpXml.TryWalk(document, (element, text) =>
        {
            if (element == name)
                found = text;
            else if (element == "errorCode" && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int said) && said > 0)
                code = said;
        });
        (value, error) = (found, code);
        return read;
    }
}
